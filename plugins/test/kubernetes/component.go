package kubernetes

import (
	"context"

	"github.com/stagegate/stagegate/sdk"
)

// Component is test.kubernetes.
type Component struct{}

var _ sdk.Tester = Component{}

// Schema describes the component.
func (Component) Schema() sdk.Schema { return schema() }

// Validate says what is wrong with the configuration. It asks no cluster.
func (Component) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	return validate(req.Config)
}
