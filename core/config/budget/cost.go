package budget

import (
	"strings"

	"github.com/zclconf/go-cty/cty"
)

// meter adds up what a value costs. It stops above the limit, so that it never
// costs more itself than what it measures may.
type meter struct {
	cost, limit int64
	use         use
}

// add adds a value that is wanted as a type. What is nested too deeply or out
// of range costs more than there is.
func (m *meter) add(v cty.Value, want cty.Type, depth int) {
	v, _ = v.Unmark()
	m.cost += perValue
	if m.use.argument {
		m.cost += perValue
	}
	ty := v.Type()
	switch {
	case depth > maxNested:
		m.cost = m.limit + 1
	case !v.IsKnown() || v.IsNull():
	case ty == cty.String:
		text := v.AsString()
		m.cost += int64(len(text))
		if m.use.number && (want == cty.DynamicPseudoType || want == cty.Number) {
			m.cost += reading(text)
		}
	case ty == cty.Number:
		if f := v.AsBigFloat(); f.IsInf() || f.MantExp(nil) > maxBits || f.MantExp(nil) < -maxBits {
			m.cost = m.limit + 1
		}
	case v.CanIterateElements():
		m.addElements(v, want, depth)
	}
}

func (m *meter) addElements(v cty.Value, want cty.Type, depth int) {
	ty := v.Type()
	// cty sorts the types of a tuple's elements with each other.
	if n := int64(v.LengthInt()); m.use.conversion && (ty.IsTupleType() || ty.IsObjectType()) || m.use.spread && depth == 0 {
		m.cost += n * n / 2
	}
	if want.IsObjectType() {
		m.cost += perValue * int64(len(want.AttributeTypes())) // those that are not given too
	}
	for it := v.ElementIterator(); m.cost <= m.limit && it.Next(); {
		key, element := it.Element()
		inner := cty.DynamicPseudoType
		switch {
		case want.IsCollectionType():
			inner = want.ElementType()
		case want.IsObjectType() && key.Type() == cty.String && want.HasAttribute(key.AsString()):
			inner = want.AttributeType(key.AsString())
		}
		if !ty.IsSetType() && key.Type() == cty.String {
			m.cost += int64(len(key.AsString()))
		}
		m.add(element, inner, depth+1)
	}
}

// shortNumber is how long a number may be to be read at no extra cost.
const shortNumber = 256

// reading is what it costs to read text as a number, if it is one: as much as
// its digits squared.
func reading(text string) int64 {
	n := int64(len(text))
	if n <= shortNumber || strings.TrimLeft(text, "+-.0123456789eE_") != "" {
		return 0
	}
	return n * n / 64
}
