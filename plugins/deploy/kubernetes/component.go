package kubernetes

import (
	"context"

	"github.com/stagegate/stagegate/sdk"
)

// Component is deploy.kubernetes. Its zero value is ready for use, and it keeps
// no state: everything that it acts on is in the plan, the handle or the
// cluster.
type Component struct{}

var _ sdk.Deployer = Component{}

// Schema describes the component.
func (Component) Schema() sdk.Schema { return schema() }

// Validate reports what is wrong with a configuration. It asks no cluster.
func (Component) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	return validate(req.Config)
}
