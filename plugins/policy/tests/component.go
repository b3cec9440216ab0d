package tests

import (
	"context"
	_ "embed"
	"path/filepath"
	"regexp"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// example is what documentation shows.
//
//go:embed example.hcl
var example string

// Component is policy.tests.
type Component struct{}

var (
	_ sdk.Tester    = Component{}
	_ sdk.Cacheable = Component{}
)

// Schema implements sdk.Component.
func (Component) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "tests",
		Description: "Runs the tests of a bundle of Rego rules, those named `test_…` in its `*_test.rego` files, and measures which lines of the rules they reach. " +
			"A test that fails or breaks, too little coverage and a bundle without tests fail the stage; `todo_test_…` are skipped.",
		Effect:  sdk.EffectPure,
		Example: example,
		Config: sdk.Block{Attributes: []sdk.Attribute{
			{
				Name: "bundle", Type: cty.String, Required: true,
				Description: "Folder or `.tar.gz` with Rego modules, data and tests, relative to the pipeline's folder. `data_test.json` and `data_test.yaml` are data that tests alone see.",
			},
			{
				Name: "coverage_min", Type: cty.Number,
				Description: "Least percentage of the rules' lines that the tests have to reach, from 0 to 100. Default: 0.",
			},
			{
				Name: "run", Type: cty.String,
				Description: "Regular expression: only tests whose package and name, such as `data.tests.models.test_small`, match are run.",
			},
		}},
		Outputs: outputs(),
	}
}

// Validate implements sdk.Component.
func (Component) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	if path := req.Config.String("bundle"); req.Config.Set("bundle") && req.Config.Known("bundle") && !filepath.IsLocal(path) {
		diags.AddError(sdk.At(sdk.Attr("bundle")), "Bundle outside the pipeline's folder",
			"The bundle must be a relative path that stays below the folder of the pipeline.")
	}
	if least, _ := req.Config.Number("coverage_min"); least < 0 || least > 100 {
		diags.AddError(sdk.At(sdk.Attr("coverage_min")), "No percentage", "coverage_min is from 0 to 100.")
	}
	if _, err := regexp.Compile(req.Config.String("run")); err != nil {
		diags.AddError(sdk.At(sdk.Attr("run")), "Invalid regular expression", err.Error()+".")
	}
	return diags
}

// Inputs implements sdk.Cacheable: the bundle is all that counts.
func (Component) Inputs(_ context.Context, req sdk.ValidateRequest) sdk.Inputs {
	if !req.Config.Known("bundle") {
		return sdk.Inputs{Reason: "its bundle is not known"}
	}
	return sdk.Inputs{Complete: true, Files: []string{filepath.ToSlash(req.Config.String("bundle"))}}
}

// Test implements sdk.Tester.
func (Component) Test(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	result, err := run(ctx, req)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	result.print(out.Stdout())
	least, _ := req.Config.Number("coverage_min")
	return result.outputs(), result.report(least), result.verdict(least)
}
