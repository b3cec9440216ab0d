package function

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// maxResult bounds the text that one call makes, in bytes.
const maxResult = 2 << 20

// bounded is fn behind a check of its arguments. The check sees them without
// marks; some may be null or unknown.
func bounded(fn function.Function, check func(args []cty.Value) error) function.Function {
	return function.New(&function.Spec{
		Description: fn.Description(),
		Params:      fn.Params(),
		VarParam:    fn.VarParam(),
		Type: func(args []cty.Value) (cty.Type, error) {
			bare := make([]cty.Value, len(args))
			for i, arg := range args {
				bare[i], _ = arg.UnmarkDeep()
			}
			if err := check(bare); err != nil {
				return cty.NilType, err
			}
			return fn.ReturnTypeForValues(args)
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return fn.Call(args) },
	})
}

// atMost is an error when a result would have more than maxResult bytes.
func atMost(bytes float64) error {
	if bytes > maxResult {
		return fmt.Errorf("the result would have about %.0f bytes; at most %d are allowed", bytes, maxResult)
	}
	return nil
}

// textOf is a known string, or empty.
func textOf(v cty.Value) string {
	if v.Type() != cty.String || !v.IsKnown() || v.IsNull() {
		return ""
	}
	return v.AsString()
}

// lengthOf is the number of elements of a known collection, or 1.
func lengthOf(v cty.Value) int {
	if !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return 1
	}
	return v.LengthInt()
}

// largest is the length in bytes of a value as text, or of its longest element.
func largest(v cty.Value) int {
	const number = 64
	if !v.IsKnown() || v.IsNull() {
		return number
	}
	if v.Type() == cty.String {
		return len(v.AsString()) + number
	}
	if !v.CanIterateElements() {
		return number
	}
	total := number
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		total += len(textOf(key)) + largest(element)
	}
	return total
}
