package eval

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/stagegate/stagegate/plugins/test/produced"
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
		Description: "Runs an evaluation and compares its metrics with thresholds. The report becomes an in-toto statement about the artifact's digest, so that a policy can ask for it.",
		Effect:      sdk.EffectPure,
		Example:     example,
		Config: sdk.Block{
			Attributes: append(program.Attributes(),
				sdk.Attribute{
					Name: "artifact", Type: sdk.ArtifactType(), Required: true,
					Description: "The artifact that is evaluated. The command finds it by `RUNNER_ARTIFACT_DIGEST` and `RUNNER_ARTIFACT_LOCATION`.",
				},
				sdk.Attribute{
					Name: "metrics_file", Type: cty.String,
					Description: "File that the command writes its metrics to, inside the pipeline's folder. Without it they are the last JSON object on standard output that begins a line. The form is `{\"accuracy\": 0.95}` or `{\"metrics\": [{\"name\": \"accuracy\", \"value\": 0.95, \"samples\": 450, \"unit\": \"\"}]}`.",
				},
			),
			Blocks: []sdk.NestedBlock{{
				Name: "threshold", Nesting: sdk.NestingMap, Label: "Name of the metric.",
				Block: sdk.Block{
					Description: "A bound on a metric. A metric that the command does not report misses it.",
					Attributes: []sdk.Attribute{
						{Name: "min", Type: cty.Number, Description: "Smallest value that is accepted."},
						{Name: "max", Type: cty.Number, Description: "Greatest value that is accepted."},
					},
				},
			}},
		},
		Outputs: []sdk.Attribute{
			{Name: "metrics", Type: cty.Map(cty.Number), Description: "What was measured, by name."},
			{Name: "report_digest", Type: cty.String, Description: "Digest of the in-toto statement."},
		},
	}
}

// Validate says what is wrong with the configuration.
func (Component) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	diags := program.Validate(req.Config, req.WorkDir)
	if req.Config.Set("metrics_file") {
		if _, err := produced.Local(req.WorkDir, req.Config.String("metrics_file")); err != nil {
			diags.AddError(sdk.At(sdk.Attr("metrics_file")), "The metrics file cannot be used",
				err.Error()+`. Give a path inside the pipeline's folder, for example "out/metrics.json".`)
		}
	}
	if artifact, ok := req.Config.Artifact("artifact"); ok {
		if err := checkDigest(artifact.Digest); err != nil {
			diags.AddError(sdk.At(sdk.Attr("artifact")), "The artifact has no digest", err.Error()+
				". Refer to an artifact that a stage has made, for example artifact = stage.weights.artifact.")
		}
	}
	_, found := thresholds(req.Config)
	return append(diags, found...)
}

// Inputs are complete when the user has declared them; the metrics that the command
// writes do not count.
func (Component) Inputs(_ context.Context, req sdk.ValidateRequest) sdk.Inputs {
	if written := req.Config.String("metrics_file"); written != "" {
		return program.Inputs(req, written)
	}
	return program.Inputs(req)
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
