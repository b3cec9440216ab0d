package eval

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Component is test.eval.
type Component struct{}

var (
	_ sdk.Tester    = Component{}
	_ sdk.Cacheable = Component{}
)

// Schema describes the component.
func (Component) Schema() sdk.Schema {
	return sdk.Schema{
		Name:        "eval",
		Description: "Runs an evaluation and judges what it measured: against fixed thresholds, against the released model item by item, slice by slice, and against the releases before it. The report becomes an in-toto statement about the artifact's digest, so that a policy can ask for it.",
		Effect:      sdk.EffectPure,
		Example:     example,
		Config: sdk.Block{
			Attributes: append(program.Attributes(), attributes()...),
			Blocks:     []sdk.NestedBlock{thresholdBlock(), sliceBlock(), baselineBlock(), historyBlock(), trendBlock()},
		},
		Outputs: []sdk.Attribute{
			{Name: "metrics", Type: cty.Map(cty.Number), Description: "What was measured, by name."},
			{Name: "verdict", Type: cty.String, Description: "`PASS`, `WARN`, `FAIL` or `INCONCLUSIVE`: the worst of all checks."},
			{Name: "report", Type: sdk.ArtifactType(), Description: "The report as JSON. Later evaluations take it as their `baseline` or in their `history`."},
			{Name: "page", Type: sdk.ArtifactType(), Description: "The report as one page of HTML with its pictures inside, for people."},
			{Name: "report_digest", Type: cty.String, Description: "Digest of the in-toto statement."},
		},
	}
}

// Validate says what is wrong with the configuration.
func (Component) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	diags := program.Validate(req.Config, req.WorkDir)
	checkFiles(&diags, req)
	if artifact, ok := req.Config.Artifact("artifact"); ok {
		if err := checkDigest(artifact.Digest); err != nil {
			diags.AddError(sdk.At(sdk.Attr("artifact")), "The artifact has no digest", err.Error()+
				". Refer to an artifact that a stage has made, for example artifact = stage.weights.artifact.")
		}
	}
	_, found := rulesOf(req.Config)
	return append(diags, found...)
}

// Inputs are complete when the user has declared them: what the evaluation is
// compared with is known to be read. What the command writes does not count.
func (Component) Inputs(_ context.Context, req sdk.ValidateRequest) sdk.Inputs {
	in := program.Inputs(req, written(req.Config)...)
	if in.Complete {
		in.Files = append(in.Files, compared(req)...)
	}
	return in
}

// checkDigest makes sure that the report can be bound to the artifact.
func checkDigest(digest string) error {
	if digest == "" {
		return errors.New("the digest is empty")
	}
	if !regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(digest) {
		return fmt.Errorf("%.80q is not sha256: and 64 hexadecimal digits", digest)
	}
	return nil
}
