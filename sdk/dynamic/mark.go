package dynamic

import (
	"strconv"

	"github.com/zclconf/go-cty/cty"
)

// Mark marks the places of a value that paths lead to. Paths that lead nowhere,
// or into a set, mark nothing. It is cty's MarkWithPaths in linear time: that
// compares every place with every path.
func Mark(v cty.Value, marks []cty.PathValueMarks) cty.Value {
	root := &marking{}
	for _, one := range marks {
		root.add(one.Path, one.Marks)
	}
	return root.apply(v)
}

// marking is what is to be marked at a place and below it.
type marking struct {
	marks []cty.ValueMarks
	below map[string]*marking
}

func (m *marking) add(path cty.Path, marks cty.ValueMarks) {
	for _, step := range path {
		name, ok := stepName(step)
		if !ok {
			return
		}
		inner := m.below[name]
		if inner == nil {
			if m.below == nil {
				m.below = make(map[string]*marking)
			}
			inner = &marking{}
			m.below[name] = inner
		}
		m = inner
	}
	m.marks = append(m.marks, marks)
}

// stepName tells attributes, keys and indexes apart.
func stepName(step cty.PathStep) (string, bool) {
	switch s := step.(type) {
	case cty.GetAttrStep:
		return "." + s.Name, true
	case cty.IndexStep:
		switch {
		case s.Key.IsMarked() || !s.Key.IsKnown() || s.Key.IsNull():
		case s.Key.Type() == cty.String:
			return "k" + s.Key.AsString(), true
		case s.Key.Type() == cty.Number:
			return "i" + s.Key.AsBigFloat().Text('g', -1), true
		}
	}
	return "", false
}

func (m *marking) apply(v cty.Value) cty.Value {
	if m == nil {
		return v
	}
	bare, own := v.Unmark()
	if len(m.below) > 0 && bare.IsKnown() && !bare.IsNull() {
		bare = m.inside(bare)
	}
	return bare.WithMarks(append(m.marks, own)...)
}

func (m *marking) inside(v cty.Value) cty.Value {
	ty := v.Type()
	switch {
	case ty.IsObjectType() && ty.Equals(cty.EmptyObject), v.CanIterateElements() && v.LengthInt() == 0:
		return v
	case ty.IsObjectType():
		return cty.ObjectVal(m.fields(v, "."))
	case ty.IsMapType():
		return cty.MapVal(m.fields(v, "k"))
	case ty.IsListType():
		return cty.ListVal(m.elements(v))
	case ty.IsTupleType():
		return cty.TupleVal(m.elements(v))
	default:
		return v
	}
}

func (m *marking) fields(v cty.Value, kind string) map[string]cty.Value {
	out := v.AsValueMap()
	for name, field := range out {
		out[name] = m.below[kind+name].apply(field)
	}
	return out
}

func (m *marking) elements(v cty.Value) []cty.Value {
	out := v.AsValueSlice()
	for i, element := range out {
		out[i] = m.below["i"+strconv.Itoa(i)].apply(element)
	}
	return out
}
