package smoke

import (
	"context"
	"regexp"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Component is test.smoke.
type Component struct{}

var _ sdk.Tester = Component{}

// Schema describes the component.
func (Component) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "smoke",
		Description: "Sends requests to an HTTP endpoint at a constant rate, and judges how fast and how well it answers. " +
			"Each request is sent when it is due, whatever became of those before it, and its latency counts from then: a server that stalls is measured by all who would have waited. " +
			"Requests go to the server that `url` names and to no other; no proxy is used. " +
			"With an `artifact`, the result becomes an in-toto statement about its digest, so that a policy can ask for it.",
		Effect:  sdk.EffectPure,
		Example: example,
		Config:  sdk.Block{Attributes: attributes(), Blocks: blocks()},
		Outputs: []sdk.Attribute{
			{Name: "metrics", Type: cty.Map(cty.Number), Description: "What was measured, by name; times in milliseconds."},
			{Name: "verdict", Type: cty.String, Description: "`PASS` or `FAIL`."},
			{Name: "report", Type: sdk.ArtifactType(), Description: "The report as JSON."},
			{Name: "page", Type: sdk.ArtifactType(), Description: "The report as one page of HTML with its pictures inside, for people."},
			{Name: "report_digest", Type: cty.String, Description: "Digest of the in-toto statement; null without `artifact`."},
		},
	}
}

// Validate says what is wrong with the configuration.
func (Component) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	_, diags := settingsOf(req.Config)
	checkFiles(&diags, req)
	if !artifactUsable(req.Config) {
		diags.AddError(sdk.At(sdk.Attr("artifact")), "The artifact has no digest", noDigest)
	}
	return diags
}

// noDigest is what to do about an artifact that nothing can be stated about.
const noDigest = "The result is a statement about a digest. Refer to an artifact that a stage has made, for example artifact = stage.weights.artifact."

// artifactUsable reports whether the result can be stated about the artifact.
func artifactUsable(c sdk.Config) bool {
	artifact, ok := c.Artifact("artifact")
	return !ok || regexp.MustCompile(`^sha256:[0-9a-f]{64}$`).MatchString(artifact.Digest)
}
