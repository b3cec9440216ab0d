package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// outputsOf decodes a stage's outputs by its schema. What the schema calls
// sensitive is marked, whether the plugin says so or not. A component that gave
// none has nulls.
func outputsOf(schema *pluginv1.Component, wire *pluginv1.DynamicValue) (cty.Value, error) {
	ty, err := dynamic.OutputType(schema.GetOutputs())
	if err != nil {
		return cty.NilVal, fmt.Errorf("read schema of outputs: %w", err)
	}
	v, err := dynamic.Decode(wire, ty)
	if err != nil {
		return cty.NilVal, fmt.Errorf("read outputs: %w", err)
	}
	bare, marks := v.UnmarkDeepWithPaths()
	if !bare.IsWhollyKnown() {
		return cty.NilVal, errors.New("read outputs: some are unknown after the stage has ended")
	}
	if bare.IsNull() {
		bare = nulls(ty)
	}
	for _, attr := range schema.GetOutputs() {
		if attr.GetSensitive() {
			marks = append(marks, cty.PathValueMarks{Path: cty.GetAttrPath(attr.GetName()), Marks: cty.NewValueMarks(dynamic.Sensitive)})
		}
	}
	return dynamic.Mark(bare, marks), nil
}

// nulls is an object with nothing in it, so that a reference to an output that
// was not given is null and not an error about the object.
func nulls(ty cty.Type) cty.Value {
	attrs := make(map[string]cty.Value)
	for name, aty := range ty.AttributeTypes() {
		attrs[name] = cty.NullVal(aty)
	}
	return cty.ObjectVal(attrs)
}

// journalForm is outputs as the journal keeps them: sensitive places are null,
// and no string holds a secret. Withheld names the outputs that are not the
// same there.
func (r *run) journalForm(v cty.Value) (data []byte, withheld []string, err error) {
	bare, marks := v.UnmarkDeepWithPaths()
	hidden := cty.NewPathSet()
	for _, place := range marks {
		hidden.Add(place.Path)
	}
	clean, err := cty.Transform(bare, func(p cty.Path, v cty.Value) (cty.Value, error) {
		kept := v
		switch {
		case hidden.Has(p):
			kept = cty.NullVal(v.Type())
		case v.Type() == cty.String && !v.IsNull():
			kept = cty.StringVal(r.o.Redactor.Text(v.AsString()))
		default:
			return v, nil
		}
		if !kept.RawEquals(v) {
			withheld = append(withheld, outputName(p))
		}
		return kept, nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("hide sensitive outputs: %w", err)
	}
	data, err = ctyjson.Marshal(clean, cty.DynamicPseudoType)
	if err != nil {
		return nil, nil, fmt.Errorf("encode outputs: %w", err)
	}
	slices.Sort(withheld)
	return data, slices.Compact(withheld), nil
}

// outputName is the output that a path is in.
func outputName(p cty.Path) string {
	if len(p) > 0 {
		if step, ok := p[0].(cty.GetAttrStep); ok {
			return step.Name
		}
	}
	return ""
}

// artifactDigest is the digest of the one artifact in a configuration, or empty
// when there is none or more than one.
func artifactDigest(config cty.Value) string {
	config, _ = config.UnmarkDeep()
	if config.IsNull() || !config.Type().IsObjectType() {
		return ""
	}
	found := ""
	for _, v := range config.AsValueMap() {
		if v.IsNull() || !v.Type().IsObjectType() || !v.Type().HasAttribute("digest") || !v.Type().HasAttribute("media_type") {
			continue
		}
		digest := v.GetAttr("digest")
		if digest.Type() != cty.String || digest.IsNull() {
			continue
		}
		if found != "" {
			return ""
		}
		found = digest.AsString()
	}
	return found
}
