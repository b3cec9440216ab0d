package oci

import "github.com/stagegate/stagegate/sdk"

// Inputs are the inputs of a component whose result goes to a Destination and
// which reads the files given. Whether a registry still has what was pushed is
// not known without asking it.
func Inputs(req sdk.ValidateRequest, files []string) sdk.Inputs {
	if _, push := req.Config.Block("registry"); push || !req.Config.Known("registry") {
		return sdk.Inputs{Reason: "it pushes to a registry"}
	}
	return sdk.Inputs{Complete: true, Files: files}
}
