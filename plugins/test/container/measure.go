package container

import (
	"github.com/stagegate/stagegate/plugins/test/weigh"
	"github.com/stagegate/stagegate/sdk"
)

// measured judges what is in the file of metrics.
func measured(req sdk.Request, data []byte, outputs sdk.Outputs, result sdk.TestReport, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	e, err := weigh.Read(data)
	if err != nil {
		return outputs, result, unreadable(req, err)
	}
	return weigh.Metrics(req, e, outputs, result, out)
}
