package container

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/internal/container"
	"github.com/stagegate/stagegate/plugins/test/bounds"
	"github.com/stagegate/stagegate/plugins/test/cases"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Component is test.container.
type Component struct{}

var (
	_ sdk.Tester    = Component{}
	_ sdk.Cacheable = Component{}
)

// Schema describes the component.
func (Component) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "container",
		Description: "Runs a command in a container of the Docker engine, from an image by digest. " +
			"The container sees what it is given and nothing else: the `inputs` at `/work` and `artifacts` at their paths, read-only, and an empty folder `/out` for what it writes. " +
			"It has no network unless it is asked for, no capability, and no way to gain one. Nothing of it is left afterwards. " +
			"Its exit code decides, and so do the JUnit reports and thresholds where there are any. The engine is found by `DOCKER_HOST`, otherwise at `/var/run/docker.sock`.",
		Effect:  sdk.EffectPure,
		Example: example,
		Config: sdk.Block{
			Attributes: append(attributes(), container.Attributes()...),
			Blocks:     []sdk.NestedBlock{bounds.Block(), container.Limits()},
		},
		Outputs: append(cases.Counts(),
			sdk.Attribute{Name: "metrics", Type: cty.Map(cty.Number), Description: "What was measured, by name; null without `metrics_file`."}),
	}
}

func attributes() []sdk.Attribute {
	return []sdk.Attribute{
		container.Image(true),
		{Name: "command", Type: cty.List(cty.String), Required: true, Description: "The program and its arguments, in place of the image's entry point and command. There is no shell: each element is one argument as it stands."},
		{Name: "env", Type: cty.Map(cty.String), Description: "Environment variables, beside those of the image. `HOME` is `/tmp` unless it is among them."},
		{Name: "inputs", Type: cty.List(cty.String), Description: "Files of the pipeline's folder that the container gets, at `/work` under the same paths: paths, or patterns (`*`, `?`, `[…]`, and `**` for any folders). A folder stands for all below it, and what a pattern after `!` matches is left out. Without a network they are all that the result can depend on, so that the result of an earlier run is taken over when none has changed; with one, only where `inputs` is set."},
		{Name: "dir", Type: cty.String, Description: "The folder to run in, below `/work`, which is the default. One of the inputs must be in it."},
		{Name: "junit", Type: cty.String, Description: "Path or glob, below `/out`, of the JUnit XML files that the command writes; `*`, `?` and `[…]` match within one path segment."},
		{Name: "metrics_file", Type: cty.String, Description: "File below `/out` that the command writes its metrics to: `{\"accuracy\": 0.95}` or `{\"metrics\": [{\"name\": \"accuracy\", \"value\": 0.95, \"samples\": 450, \"unit\": \"\"}]}`."},
		{Name: "artifact", Type: sdk.ArtifactType(), Description: "The artifact that the test is about. With `metrics_file`, the result becomes an in-toto statement about its digest. The command finds it by `RUNNER_ARTIFACT_DIGEST`; to give it to the container, name it in `artifacts`."},
	}
}

// Validate says what is wrong with the configuration.
func (Component) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	c := req.Config
	diags := append(program.Validate(c, req.WorkDir), container.Validate(c)...)
	checkOut(&diags, c, "junit", `"reports/TEST-*.xml"`)
	checkOut(&diags, c, "metrics_file", `"metrics.json"`)
	if c.Set("metrics_file") && strings.ContainsAny(c.String("metrics_file"), `*?[\`) {
		diags.AddError(sdk.At(sdk.Attr("metrics_file")), "The metrics file cannot be used", "It is one file and no glob. Name it, for example \"metrics.json\".")
	}
	thresholds, problems := bounds.Thresholds(c)
	diags = append(diags, problems...)
	if len(thresholds) > 0 && c.Known("metrics_file") && !c.Set("metrics_file") {
		diags.AddError(sdk.At(sdk.Attr("threshold"), sdk.Key(thresholds[0].Metric)), "There are no metrics to judge",
			"A threshold needs metrics_file, which says where in /out the command writes its metrics, for example metrics_file = \"metrics.json\".")
	}
	return diags
}

// checkOut looks at the name of a file that the command leaves.
func checkOut(diags *sdk.Diagnostics, c sdk.Config, name, example string) {
	if !c.Set(name) {
		return
	}
	if _, err := produced.Local(container.Out, c.String(name)); err != nil {
		diags.AddError(sdk.At(sdk.Attr(name)), fmt.Sprintf("The path %q cannot be used", c.String(name)),
			fmt.Sprintf("%s starts in %s, the folder that the container can write, and stays in it: for example %s.", name, container.Out, example))
	}
}

// Inputs are complete where the container can reach nothing else, or the user
// says that it does not.
func (Component) Inputs(_ context.Context, req sdk.ValidateRequest) sdk.Inputs {
	switch {
	case req.Config.Set("inputs"):
		return program.Inputs(req)
	case !req.Config.Known("inputs") || !req.Config.Known("network"):
		return sdk.Inputs{Reason: "what it depends on is not known yet"}
	case req.Config.Bool("network"):
		return sdk.Inputs{Reason: "it has a network and does not declare its inputs"}
	}
	return sdk.Inputs{Complete: true}
}
