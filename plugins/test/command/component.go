package command

import (
	"context"

	"github.com/stagegate/stagegate/plugins/test/cases"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Component is test.command.
type Component struct{}

var (
	_ sdk.Tester    = Component{}
	_ sdk.Cacheable = Component{}
)

// Schema describes the component.
func (Component) Schema() sdk.Schema {
	return sdk.Schema{
		Name:        "command",
		Description: "Runs a command, whose exit code decides. Where `junit` is given, the reports that the command writes count as well: a failing case fails the stage whatever the exit code says.",
		Effect:      sdk.EffectPure,
		Example:     example,
		Config: sdk.Block{
			Attributes: append(program.Attributes(), sdk.Attribute{
				Name: "junit", Type: cty.String,
				Description: "Path or glob, inside the pipeline's folder, of the JUnit XML files that the command writes; `*`, `?` and `[…]` match within one path segment. Files that the command has not written do not count.",
			}),
		},
		Outputs: cases.Counts(),
	}
}

// Validate says what is wrong with the configuration.
func (Component) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	diags := program.Validate(req.Config, req.WorkDir)
	if req.Config.Set("junit") {
		if _, err := produced.Local(req.WorkDir, req.Config.String("junit")); err != nil {
			diags.AddError(sdk.At(sdk.Attr("junit")), "The place of the JUnit reports cannot be used",
				err.Error()+`. Give a path or glob inside the pipeline's folder, for example "build/reports/TEST-*.xml".`)
		}
	}
	return diags
}

// Inputs are complete when the user has declared them; the reports that the command
// writes do not count.
func (Component) Inputs(_ context.Context, req sdk.ValidateRequest) sdk.Inputs {
	if written := req.Config.String("junit"); written != "" {
		return program.Inputs(req, written)
	}
	return program.Inputs(req)
}
