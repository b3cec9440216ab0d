package function

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// maxExponent is the greatest binary exponent of a number.
const maxExponent = 4096

func number() map[string]function.Function {
	return map[string]function.Function{
		"abs":      stdlib.AbsoluteFunc,
		"ceil":     stdlib.CeilFunc,
		"floor":    stdlib.FloorFunc,
		"log":      stdlib.LogFunc,
		"max":      stdlib.MaxFunc,
		"min":      stdlib.MinFunc,
		"parseint": bounded(stdlib.ParseIntFunc, checkDigits),
		"pow":      stdlib.PowFunc,
		"signum":   stdlib.SignumFunc,
	}
}

// checkDigits bounds what is read as a number: that takes quadratic time.
func checkDigits(args []cty.Value) error {
	if n := len(textOf(args[0])); n > maxDigits {
		return fmt.Errorf("a number may have %d digits, and it has %d", maxDigits, n)
	}
	return nil
}

// numberOf is a known number.
func numberOf(v cty.Value) (float64, bool) {
	if v.Type() != cty.Number || !v.IsKnown() || v.IsNull() {
		return 0, false
	}
	f, _ := v.AsBigFloat().Float64()
	return f, true
}
