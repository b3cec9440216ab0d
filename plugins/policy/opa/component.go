package opa

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// Bounds of one evaluation.
const (
	maxInput    = 1 << 20
	evalTimeout = 20 * time.Second
)

// Component is policy.opa. Make it with New.
type Component struct {
	cache *cache
}

var _ sdk.Policy = (*Component)(nil)

// New is a component without any bundle loaded.
func New() *Component { return &Component{cache: newCache(time.Now)} }

// Schema implements sdk.Component.
func (*Component) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "opa",
		Description: "Judges a plan by rules in Rego. Without `bundle` the stage shows the operator's decision at its place in the pipeline; " +
			"with one it adds rules that can deny, but never allow what the operator's policies deny.",
		Example: example,
		Config: sdk.Block{Attributes: []sdk.Attribute{
			{
				Name: "bundle", Type: cty.String,
				Description: "Folder or `.tar.gz` with Rego modules and data, relative to the pipeline's folder. Without it the built-in compliance bundle is evaluated.",
			},
			{
				Name: "parameters", Type: cty.DynamicPseudoType,
				Description: "Object of values for the rules; each must be declared under `stagegate.parameters` in the bundle's data. In a pipeline it needs a `bundle`.",
			},
			{
				Name: "groups", Type: cty.List(cty.String),
				Description: "Groups whose rules are evaluated, such as `baseline` and `encryption` of the built-in bundle. Without it, all are. In a pipeline it needs a `bundle`.",
			},
			{
				Name: "digest", Type: cty.String,
				Description: "Digest that the bundle's files must have, `sha256:` and 64 hexadecimal digits; with others nothing is evaluated. In a pipeline it needs a `bundle`.",
			},
		}},
		Effect: sdk.EffectPure,
	}
}

// Validate implements sdk.Component. It is called for the stages of a pipeline
// only; the operator's configuration is checked when it is evaluated.
func (c *Component) Validate(ctx context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	if _, err := parametersOf(req.Config); err != nil {
		diags.AddError(sdk.At(sdk.Attr("parameters")), "Invalid parameters", err.Error())
	}
	if !req.Config.Known("bundle") || !req.Config.Known("groups") || !req.Config.Known("digest") {
		return diags
	}
	path := req.Config.String("bundle")
	switch {
	case !req.Config.Set("bundle"):
		for _, name := range []string{"parameters", "groups", "digest"} {
			if req.Config.Set(name) {
				diags.AddError(sdk.At(sdk.Attr(name)), strings.ToUpper(name[:1])+name[1:]+" without a bundle", fmt.Sprintf(
					"A policy stage without a bundle shows the operator's decision, which takes its %s from the runner's own configuration. Add a bundle of your own, or remove %[1]s.", name))
			}
		}
	case !filepath.IsLocal(path):
		diags.AddError(sdk.At(sdk.Attr("bundle")), "Bundle outside the pipeline's folder",
			fmt.Sprintf("The bundle %q must be a relative path that stays below the folder of the pipeline.", path))
	case !diags.HasErrors():
		p, err := c.load(ctx, req.Config, req.WorkDir)
		if err != nil {
			diags.AddError(sdk.At(sdk.Attr("bundle")), "Unusable policy bundle", err.Error())
			return diags
		}
		if len(p.doubts) > 0 {
			diags.AddWarning(sdk.At(sdk.Attr("bundle")), "Rules that say nothing when a value is missing",
				strings.Join(p.doubts, "\n")+"\nA negated call is undefined, and denies nothing, when its argument is. Take the argument from object.get with a value that is refused.")
		}
	}
	return diags
}

// Evaluate implements sdk.Policy.
func (c *Component) Evaluate(ctx context.Context, req sdk.EvaluateRequest) (sdk.Evaluation, error) {
	if len(req.Input) > maxInput {
		return sdk.Evaluation{}, fmt.Errorf("the policy input has %d bytes, more than %d", len(req.Input), maxInput)
	}
	p, err := c.load(ctx, req.Config, req.Attempt.WorkDir)
	if err != nil {
		return sdk.Evaluation{}, err
	}
	out := sdk.Evaluation{Bundles: []sdk.Bundle{p.identity}}
	judged, err := p.judge(ctx, req.Input)
	if err != nil {
		return out, err // what was asked is part of the record
	}
	judged.Bundles = out.Bundles
	return judged, nil
}

// load is the prepared policy of a configuration.
func (c *Component) load(ctx context.Context, config sdk.Config, workDir string) (*policy, error) {
	chosen, err := selectionOf(config)
	if err != nil {
		return nil, err
	}
	files := builtin()
	location := "built in"
	if config.Set("bundle") {
		location = config.String("bundle")
		if files, err = readBundle(workDir, location); err != nil {
			return nil, fmt.Errorf("load bundle %s: %w", location, err)
		}
	}
	if err := checkDigest(config, files); err != nil {
		return nil, fmt.Errorf("load bundle %s: %w", location, err)
	}
	p, err := c.cache.get(ctx, files, chosen)
	if err != nil {
		return nil, fmt.Errorf("load bundle %s: %w", location, err)
	}
	named := *p
	named.identity.Location = location
	return &named, nil
}

// parametersOf are the parameters as JSON values.
func parametersOf(config sdk.Config) (map[string]json.RawMessage, error) {
	if !config.Set("parameters") {
		return nil, nil
	}
	v, _ := config.Get("parameters").UnmarkDeep()
	if !v.Type().IsObjectType() && !v.Type().IsMapType() {
		return nil, fmt.Errorf("parameters are an object of names and values, not a %s", v.Type().FriendlyName())
	}
	out := make(map[string]json.RawMessage)
	for name, value := range v.AsValueMap() {
		data, err := ctyjson.Marshal(value, value.Type())
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", name, err)
		}
		out[name] = data
	}
	return out, nil
}
