package budget

import "github.com/zclconf/go-cty/cty"

// meter adds up what a value costs. It stops above the limit, so that it never
// costs more itself than what it measures may.
type meter struct {
	cost, limit int64
	conversion  bool // the value is going to be converted
}

// add adds a value. What is nested too deeply or out of range costs more than
// there is.
func (m *meter) add(v cty.Value, depth int) {
	v, _ = v.Unmark()
	m.cost += perValue
	ty := v.Type()
	switch {
	case depth > maxNested:
		m.cost = m.limit + 1
	case !v.IsKnown() || v.IsNull():
	case ty == cty.String:
		m.cost += int64(len(v.AsString()))
	case ty == cty.Number:
		if f := v.AsBigFloat(); f.IsInf() || f.MantExp(nil) > maxBits || f.MantExp(nil) < -maxBits {
			m.cost = m.limit + 1
		}
	case v.CanIterateElements():
		m.addElements(v, depth)
	}
}

func (m *meter) addElements(v cty.Value, depth int) {
	ty := v.Type()
	if n := int64(v.LengthInt()); m.conversion && (ty.IsTupleType() || ty.IsObjectType()) {
		m.cost += n * n / 2
	}
	for it := v.ElementIterator(); m.cost <= m.limit && it.Next(); {
		key, element := it.Element()
		if !ty.IsSetType() && key.Type() == cty.String {
			m.cost += int64(len(key.AsString()))
		}
		m.add(element, depth+1)
	}
}
