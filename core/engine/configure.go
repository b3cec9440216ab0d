package engine

import (
	"context"
	"fmt"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// configuration is a stage's `with` block with every value known.
type configuration struct {
	value       cty.Value // sensitive places are marked
	wire        *pluginv1.DynamicValue
	environment string
	inputs      *pluginv1.Inputs // as the plugin said when it was asked again
}

// configure evaluates a stage's configuration, and has the plugin check it if
// it could not be checked before the run. The Finish is nil when all is well.
func (r *run) configure(ctx context.Context, s *stage, outputs map[string]cty.Value) (*configuration, *event.Finish) {
	environment, diags := r.o.Evaluator.Environment(s.Stage, outputs)
	value, more := r.o.Evaluator.With(s.Stage, outputs)
	if diags = append(diags, more...); diags.HasErrors() {
		finish := r.refused(s, diags)
		return nil, &finish
	}
	if !value.IsWhollyKnown() {
		finish := errored(ClassUnknown, "the configuration of "+s.Address()+" uses a value that was never produced",
			"A stage that it refers to has not succeeded, so that its outputs are not known. Refer to stages whose success this one needs.")
		return nil, &finish
	}
	r.hide(s, value)
	wire, err := encodeConfig(s, value)
	if err != nil {
		finish := errored(ClassConfig, "the configuration of "+s.Address()+" cannot be passed to its plugin", r.clean(err.Error(), maxDetail))
		return nil, &finish
	}
	cfg := &configuration{value: value, wire: wire, environment: environment}
	if len(s.Needs) > 0 && r.wasUnknown(s) {
		if finish := r.validate(ctx, s, cfg); finish != nil {
			return nil, finish
		}
	}
	return cfg, nil
}

// encodeConfig is a configuration as its plugin gets it.
func encodeConfig(s *stage, value cty.Value) (*pluginv1.DynamicValue, error) {
	ty, err := dynamic.ImpliedType(s.Schema.GetConfig())
	if err != nil {
		return nil, fmt.Errorf("read the schema of %s: %w", s.Component, err)
	}
	return dynamic.Encode(value, ty)
}

// wasUnknown reports whether the configuration had unknown values when the
// pipeline was validated.
func (r *run) wasUnknown(s *stage) bool {
	before, diags := r.o.Evaluator.With(s.Stage, nil)
	return diags.HasErrors() || !before.IsWhollyKnown()
}

// validate asks the plugin.
func (r *run) validate(ctx context.Context, s *stage, cfg *configuration) *event.Finish {
	resp, err := r.o.Plugins.Validate(ctx, s.Component, s.kind, &pluginv1.ValidateRequest{
		Component: s.Component.Name, Config: cfg.wire, WorkDir: r.pipeline.Root,
	})
	if err != nil {
		finish := r.broke(ctx, err)
		return &finish
	}
	if diags := r.place(s, resp.GetDiagnostics()); diags.HasErrors() {
		finish := r.refused(s, diags)
		return &finish
	}
	cfg.inputs = resp.GetInputs()
	return nil
}

// place finds the source ranges of what a plugin says, up to a bound.
func (r *run) place(s *stage, in []*pluginv1.Diagnostic) diag.List {
	if len(in) > maxDiagnostics {
		in = in[:maxDiagnostics]
	}
	out := make(diag.List, 0, len(in))
	for _, d := range in {
		out = append(out, r.o.Evaluator.Place(s.Stage, d))
	}
	return out
}

// hide has the sensitive parts of a value masked in all that follows.
func (r *run) hide(s *stage, v cty.Value) {
	bare, marks := v.UnmarkDeepWithPaths()
	for _, place := range marks {
		if _, ok := place.Marks[dynamic.Sensitive]; !ok {
			continue
		}
		part, err := place.Path.Apply(bare)
		if err != nil {
			continue // a path that UnmarkDeepWithPaths gave always applies
		}
		_ = cty.Walk(part, func(_ cty.Path, leaf cty.Value) (bool, error) {
			if leaf.Type() == cty.String && leaf.IsKnown() && !leaf.IsNull() && leaf.AsString() != "" {
				if err := r.o.Redactor.Add(leaf.AsString()); err != nil {
					r.showDiagnostic(s, diag.Diagnostic{
						Severity: diag.Warning, Summary: "a sensitive value cannot be masked in the output",
						Detail: "The value at " + pathText(place.Path) + " " + err.Error() + ". Use a longer one.", Subject: &s.Range,
					})
				}
			}
			return true, nil
		})
	}
}

// pathText is a path as the language writes it, as far as names go.
func pathText(p cty.Path) string {
	text := "with"
	for _, step := range p {
		if attr, ok := step.(cty.GetAttrStep); ok {
			text += "." + attr.Name
		}
	}
	return text
}
