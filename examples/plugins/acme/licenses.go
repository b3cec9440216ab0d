package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// licenses is the component acme.licenses.
type licenses struct{}

// Schema describes the stage's `with` block. The runner reads HCL by it.
func (licenses) Schema() sdk.Schema {
	return sdk.Schema{
		Name:        "licenses",
		Description: "Checks that every source file names its licence, and that it is one of those allowed.",
		Effect:      sdk.EffectPure,
		Config: sdk.Block{Attributes: []sdk.Attribute{
			{Name: "allowed", Type: cty.List(cty.String), Required: true, Description: "SPDX identifiers, for example `MIT`."},
			{Name: "dir", Type: cty.String, Description: "Folder to look at. Default: the pipeline's."},
			{Name: "extensions", Type: cty.List(cty.String), Description: "What source files end in. Default: `.go`, `.py`."},
		}},
		Outputs: []sdk.Attribute{
			{Name: "files", Type: cty.Number, Description: "Number of source files."},
		},
	}
}

// Validate reports every mistake, each with the place in the HCL file: here
// the element of the list. What no stage has produced yet is unknown, and
// Strings is then empty.
func (licenses) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	for i, id := range req.Config.Strings("allowed") {
		if slices.Contains(spdx(), id) {
			continue
		}
		diags.AddError(sdk.At(sdk.Attr("allowed"), sdk.Index(i)),
			fmt.Sprintf("%q is not an SPDX licence identifier", id), advice(id))
	}
	if req.Config.Known("allowed") && len(req.Config.Strings("allowed")) == 0 {
		diags.AddError(sdk.At(sdk.Attr("allowed")), "No licence is allowed", "Name at least one, for example \"MIT\".")
	}
	if dir := req.Config.String("dir"); dir != "" && !filepath.IsLocal(dir) {
		diags.AddError(sdk.At(sdk.Attr("dir")), fmt.Sprintf("%q is outside of the pipeline's folder", dir), "Name a folder in it.")
	}
	return diags
}

// Test looks at the files. A *sdk.Failure says that they are not as they
// should be; any other error, that the work could not be done.
func (licenses) Test(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	files, err := scan(ctx, req)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	var report sdk.TestReport
	var bad []string
	for _, f := range files {
		c := sdk.TestCase{Suite: "licenses", Name: f.name, Verdict: sdk.CasePassed}
		if !slices.Contains(req.Config.Strings("allowed"), f.license) {
			c.Verdict, c.Message = sdk.CaseFailed, f.complaint()
			bad = append(bad, f.name+": "+c.Message)
			fmt.Fprintf(out.Stderr(), "%s: %s\n", f.name, c.Message)
		}
		report.Cases = append(report.Cases, c)
	}
	outputs := sdk.Outputs{"files": cty.NumberIntVal(int64(len(files)))}
	if len(bad) > 0 {
		return outputs, report, &sdk.Failure{
			Summary: fmt.Sprintf("%d of %d files have no licence that is allowed", len(bad), len(files)),
			Detail:  strings.Join(bad[:min(len(bad), 10)], "\n"),
			Class:   "license_not_allowed",
		}
	}
	return outputs, report, nil
}
