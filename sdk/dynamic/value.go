package dynamic

import (
	"errors"
	"fmt"
	"math/big"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/msgpack"
)

// MaxSize bounds one encoded value, in bytes.
const MaxSize = 2 << 20

// maxExponent bounds numbers, in binary places: some 1200 decimal digits.
const maxExponent = 4096

type sensitive struct{}

// GoString keeps the mark readable in test output.
func (sensitive) GoString() string { return "dynamic.Sensitive" }

// Sensitive is the mark of a value that is never shown or stored in clear.
var Sensitive = sensitive{} //nolint:gochecknoglobals // a value of a zero-size type: constant in effect

// Encode is v, of the given type, for the wire. The mark Sensitive becomes a
// list of places; any other mark is an error.
func Encode(v cty.Value, ty cty.Type) (*pluginv1.DynamicValue, error) {
	converted, err := convert.Convert(v, ty)
	if err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	bare, marks := converted.UnmarkDeepWithPaths()
	// Optional attributes matter for conversion only: no value has such a type.
	data, err := msgpack.Marshal(bare, ty.WithoutOptionalAttributesDeep())
	if err != nil {
		return nil, fmt.Errorf("encode value: %w", err)
	}
	if len(data) > MaxSize {
		return nil, fmt.Errorf("encode value: %d bytes are more than the limit of %d", len(data), MaxSize)
	}
	out := &pluginv1.DynamicValue{Msgpack: data}
	for _, place := range marks {
		for mark := range place.Marks {
			if mark != Sensitive {
				return nil, fmt.Errorf("encode value: unexpected mark %#v", mark)
			}
		}
		path, err := PathToWire(place.Path)
		if err != nil {
			return nil, err
		}
		out.Sensitive = append(out.Sensitive, path)
	}
	return out, nil
}

// Decode is the value that Encode carried, with its sensitive places marked. A
// nil message is null.
func Decode(dv *pluginv1.DynamicValue, ty cty.Type) (cty.Value, error) {
	ty = ty.WithoutOptionalAttributesDeep()
	if dv == nil || len(dv.GetMsgpack()) == 0 {
		return cty.NullVal(ty), nil
	}
	if len(dv.GetMsgpack()) > MaxSize {
		return cty.NilVal, fmt.Errorf("decode value: %d bytes are more than the limit of %d", len(dv.GetMsgpack()), MaxSize)
	}
	if err := scan(dv.GetMsgpack()); err != nil {
		return cty.NilVal, fmt.Errorf("decode value: %w", err)
	}
	v, err := unmarshal(dv.GetMsgpack(), ty)
	if err != nil {
		return cty.NilVal, fmt.Errorf("decode value: %w", err)
	}
	unsteady, err := inspect(v)
	if err != nil {
		return cty.NilVal, fmt.Errorf("decode value: %w", err)
	}
	if unsteady {
		v = steady(v)
	}
	// An object with no attribute at all passes for one of any type.
	if wrong := v.Type().TestConformance(ty); len(wrong) > 0 {
		return cty.NilVal, fmt.Errorf("decode value: %w", errors.Join(wrong...))
	}
	if len(dv.GetSensitive()) == 0 {
		return v, nil
	}
	marks := make([]cty.PathValueMarks, 0, len(dv.GetSensitive()))
	for _, place := range dv.GetSensitive() {
		path, err := PathFromWire(place)
		if err != nil {
			return cty.NilVal, err
		}
		marks = append(marks, cty.PathValueMarks{Path: path, Marks: cty.NewValueMarks(Sensitive)})
	}
	return Mark(v, marks), nil
}

// unmarshal turns into an error what cty panics over: what is said about an
// unknown value that cannot be true, such as a length of at most -1.
func unmarshal(data []byte, ty cty.Type) (v cty.Value, err error) {
	defer func() {
		if r := recover(); r != nil {
			v, err = cty.NilVal, fmt.Errorf("it is not consistent: %v", r)
		}
	}()
	return msgpack.Unmarshal(data, ty)
}

// inspect refuses numbers that take seconds and gigabytes to be written out, as
// ten bytes can say 1e99999999, and those that JSON has no word for. It reports
// whether there are unsteady ones.
func inspect(v cty.Value) (unsteady bool, err error) {
	err = cty.Walk(v, func(_ cty.Path, leaf cty.Value) (bool, error) {
		if leaf.Type() != cty.Number || !leaf.IsKnown() || leaf.IsNull() {
			return true, nil
		}
		n := leaf.AsBigFloat()
		if exponent := n.MantExp(nil); n.IsInf() || exponent > maxExponent || exponent < -maxExponent {
			return false, errors.New("it holds a number that is out of bounds")
		}
		unsteady = unsteady || rewritten(n).Cmp(n) != 0
		return true, nil
	})
	return unsteady, err
}

// rewritten is a number after another trip. Whole ones of more than 64 bits
// travel as text, with no more digits than tell them from others of their
// precision: what came as a float would change, and some powers of two.
func rewritten(n *big.Float) *big.Float {
	if _, accuracy := n.Int64(); accuracy == big.Exact || !n.IsInt() {
		return n
	}
	again, _, err := big.ParseFloat(n.Text('f', -1), 10, 512, big.ToNearestEven) // as cty does
	if err != nil {
		return n // it is a number that has just been written
	}
	return again
}

// steady makes numbers what they are after another trip, so that a value is the
// same wherever it is read.
func steady(v cty.Value) cty.Value {
	out, _ := cty.Transform(v, func(_ cty.Path, leaf cty.Value) (cty.Value, error) { // the function never fails
		if leaf.Type() != cty.Number || !leaf.IsKnown() || leaf.IsNull() {
			return leaf, nil
		}
		return cty.NumberVal(rewritten(leaf.AsBigFloat())), nil
	})
	return out
}
