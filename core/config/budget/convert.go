package budget

import (
	"errors"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// ErrExhausted says that something costs more than the budget has.
var ErrExhausted = errors.New("it has too many elements, is nested too deeply, or has a number out of range")

// Convert is v as another type, and pays for it.
func (b *Budget) Convert(v cty.Value, want cty.Type) (cty.Value, error) {
	if want == cty.DynamicPseudoType {
		if !b.Spend(v) {
			return cty.NilVal, ErrExhausted
		}
		return v, nil
	}
	if !b.spendAs(v, want, use{conversion: true, number: true}) {
		return cty.NilVal, ErrExhausted
	}
	if ordered, ok := withoutSets(want); ok {
		// A set of elements that look alike takes quadratic time: they are
		// looked at in lists before.
		listed, err := convert.Convert(v, ordered)
		if err != nil {
			return convert.Convert(v, want) // its message speaks of what is wanted
		}
		if !b.Work(lookalikes(listed, want)) {
			return cty.NilVal, ErrExhausted
		}
	}
	out, err := convert.Convert(v, want)
	if err != nil {
		return cty.NilVal, err
	}
	if !b.Spend(out) {
		return cty.NilVal, ErrExhausted
	}
	return out, nil
}

// withoutSets is a type with lists for its sets, and whether it has any.
func withoutSets(ty cty.Type) (cty.Type, bool) {
	switch {
	case ty.IsSetType():
		inner, _ := withoutSets(ty.ElementType())
		return cty.List(inner), true
	case ty.IsListType():
		inner, ok := withoutSets(ty.ElementType())
		return cty.List(inner), ok
	case ty.IsMapType():
		inner, ok := withoutSets(ty.ElementType())
		return cty.Map(inner), ok
	case ty.IsObjectType():
		found := false
		fields := make(map[string]cty.Type, len(ty.AttributeTypes()))
		var optional []string
		for name, inner := range ty.AttributeTypes() {
			var ok bool
			fields[name], ok = withoutSets(inner)
			if found = found || ok; ty.AttributeOptional(name) {
				optional = append(optional, name)
			}
		}
		return cty.ObjectWithOptionalAttrs(fields, optional), found
	case ty.IsTupleType():
		found := false
		elements := make([]cty.Type, ty.Length())
		for i, inner := range ty.TupleElementTypes() {
			var ok bool
			elements[i], ok = withoutSets(inner)
			found = found || ok
		}
		return cty.Tuple(elements), found
	default:
		return ty, false
	}
}

// lookalikes is what it costs to make the sets of a type out of a value with
// lists in their place.
func lookalikes(v cty.Value, want cty.Type) int64 {
	v, _ = v.Unmark()
	if !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return 0
	}
	var cost int64
	if want.IsSetType() {
		cost = Lookalikes(v)
	}
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		switch {
		case want.IsCollectionType():
			cost += lookalikes(element, want.ElementType())
		case want.IsObjectType() && want.HasAttribute(key.AsString()):
			cost += lookalikes(element, want.AttributeType(key.AsString()))
		case want.IsTupleType():
			i, _ := key.AsBigFloat().Int64()
			cost += lookalikes(element, want.TupleElementType(int(i)))
		}
	}
	return cost
}

// perComparison is what comparing two elements costs.
const perComparison = 8

// Lookalikes is what it costs to make a set of a list: its elements are told
// apart by a weak hash, and those that have the same are compared with each
// other.
func Lookalikes(list cty.Value) int64 {
	list, _ = list.UnmarkDeep()
	if !list.IsKnown() || list.IsNull() {
		return 0
	}
	var cost int64
	alike := make(map[int]int64, list.LengthInt())
	for it := list.ElementIterator(); it.Next(); {
		_, element := it.Element()
		hash := element.Hash()
		cost += perComparison * alike[hash]
		alike[hash]++
	}
	return cost
}
