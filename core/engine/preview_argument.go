package engine

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/preview"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// trail is what the marks above a value say about it.
type trail struct {
	sensitive bool
	origins   []pipeline.Origin
}

// with adds a value's own marks.
func (t trail) with(marks cty.ValueMarks) trail {
	for mark := range marks {
		switch m := mark.(type) {
		case pipeline.Origin:
			t.origins = append(slices.Clip(t.origins), m)
		default:
			// Sensitive, and whatever else is not known to be harmless.
			t.sensitive = true
		}
	}
	return t
}

// after are the addresses of the origins.
func (t trail) after() []string {
	var out []string
	for _, o := range t.origins {
		out = append(out, pipeline.StageAddress(string(o)))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// arguments are a configuration in the order of its schema.
func (v *previewer) arguments(s *stage, with cty.Value) []preview.Argument {
	bare, marks := with.Unmark()
	t := trail{}.with(marks)
	if !bare.IsKnown() || bare.IsNull() || !bare.Type().IsObjectType() {
		return v.flatten("with", with, trail{}, nil)
	}
	var out []preview.Argument
	block := s.Schema.GetConfig()
	for _, a := range block.GetAttributes() {
		out = v.argument(out, bare, t, a.GetName())
	}
	for _, b := range block.GetBlocks() {
		out = v.argument(out, bare, t, b.GetTypeName())
	}
	return out
}

func (v *previewer) argument(out []preview.Argument, object cty.Value, t trail, name string) []preview.Argument {
	if !object.Type().HasAttribute(name) {
		return out
	}
	return v.flatten(name, object.GetAttr(name), t, out)
}

// flatten adds a value at a path: one argument for what is a whole to people, and
// one for each part of the rest. What is null or empty is left out.
func (v *previewer) flatten(path string, value cty.Value, t trail, out []preview.Argument) []preview.Argument {
	bare, marks := value.Unmark()
	t = t.with(marks)
	switch {
	case !bare.IsKnown():
		return append(out, unknown(path, t))
	case t.sensitive:
		return append(out, preview.Argument{Path: path, Sensitive: true})
	case bare.IsNull():
		return out
	}
	ty := bare.Type()
	plain := !bare.ContainsMarked() && bare.IsWhollyKnown()
	switch {
	case ty.IsPrimitiveType(), plain && !ty.IsObjectType() && !ty.IsMapType(), plain && isArtifact(ty):
		if ty.IsCollectionType() && bare.LengthInt() == 0 {
			return out
		}
		return append(out, preview.Argument{Path: path, Value: v.shown(bare)})
	case ty.IsObjectType():
		fields := bare.AsValueMap()
		for _, name := range slices.Sorted(maps.Keys(fields)) {
			out = v.flatten(path+"."+name, fields[name], t, out)
		}
	case ty.IsMapType():
		elements := bare.AsValueMap()
		for _, key := range slices.Sorted(maps.Keys(elements)) {
			out = v.flatten(path+"["+strconv.Quote(key)+"]", elements[key], t, out)
		}
	case ty.IsSetType(): // its elements have no names of their own
		return append(out, unknown(path, v.deepTrail(bare, t)))
	default:
		for i, element := range bare.AsValueSlice() {
			out = v.flatten(fmt.Sprintf("%s[%d]", path, i), element, t, out)
		}
	}
	return out
}

// deepTrail is what the marks in and above a value say.
func (v *previewer) deepTrail(value cty.Value, t trail) trail {
	_, marks := value.UnmarkDeep()
	return t.with(marks)
}

// unknown says what makes a value. Where no stage does and it is not sensitive,
// the run itself does.
func unknown(path string, t trail) preview.Argument {
	a := preview.Argument{Path: path, Sensitive: t.sensitive, KnownAfter: t.after()}
	if len(a.KnownAfter) == 0 && !a.Sensitive {
		a.KnownAfter = []string{preview.AfterRun}
	}
	return a
}

func isArtifact(ty cty.Type) bool {
	return ty.IsObjectType() && ty.HasAttribute("digest") && ty.HasAttribute("media_type")
}

// shown is a value as JSON, without what is known to be secret.
func (v *previewer) shown(value cty.Value) json.RawMessage {
	clean, err := cty.Transform(value, func(_ cty.Path, part cty.Value) (cty.Value, error) {
		if part.Type() != cty.String || part.IsNull() {
			return part, nil
		}
		return cty.StringVal(v.o.Redactor.Text(part.AsString())), nil
	})
	if err != nil {
		return nil
	}
	data, err := ctyjson.Marshal(clean, clean.Type())
	if err != nil {
		return nil
	}
	return data
}

// settled reports whether nothing of a configuration waits for the run. Secrets
// do not.
func settled(args []preview.Argument, environment *preview.Argument) bool {
	if environment != nil && len(environment.KnownAfter) > 0 {
		return false
	}
	return !slices.ContainsFunc(args, func(a preview.Argument) bool { return len(a.KnownAfter) > 0 })
}

// awaits are the names of the stages that a configuration waits for.
func awaits(args []preview.Argument, environment *preview.Argument) []string {
	var out []string
	if environment != nil {
		args = append(slices.Clip(args), *environment)
	}
	for _, a := range args {
		for _, address := range a.KnownAfter {
			if address != preview.AfterRun {
				out = append(out, pipeline.StageName(address))
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// origins are the addresses of what makes an unknown value.
func origins(value cty.Value) []string {
	_, marks := value.Unmark()
	delete(marks, dynamic.Sensitive)
	return unknown("", trail{}.with(marks)).KnownAfter
}
