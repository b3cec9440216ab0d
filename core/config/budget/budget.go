// Package budget bounds what evaluating expressions may cost. HCL's evaluator
// cannot be interrupted, and a few hundred bytes of nested loops over shared
// values take gigabytes; so every expression that makes or walks a value is
// wrapped, and pays for the size of that value out of the budget of the
// evaluation it belongs to.
package budget

import (
	"reflect"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
)

// Units that evaluations may spend; one value costs 32, one byte of text 1.
const (
	Load  = 64 << 20 // all of a pipeline when it is loaded
	Stage = 16 << 20 // one stage when it runs
)

const (
	perValue  = 32
	maxNested = 64   // levels of a value
	maxBits   = 4096 // binary exponent of a number
)

// variable is the name under which the budget travels in an evaluation's
// context. No expression can write it.
const variable = "\x00budget"

// Budget is what is left. It is safe for concurrent use.
type Budget struct{ left atomic.Int64 }

// New is a fresh budget.
func New(units int64) *Budget {
	b := &Budget{}
	b.left.Store(units)
	return b
}

// Install makes ctx, and the contexts below it, pay from b.
func (b *Budget) Install(ctx *hcl.EvalContext) {
	if ctx.Variables == nil {
		ctx.Variables = make(map[string]cty.Value, 1)
	}
	ctx.Variables[variable] = cty.CapsuleVal(capsule(), b)
}

// Spend pays for v, and reports whether the budget allowed it.
func (b *Budget) Spend(v cty.Value) bool {
	left := b.left.Load()
	if left <= 0 {
		return false
	}
	cost := measure(v, left, 0)
	return b.left.Add(-cost) > 0
}

// Exhausted reports whether more was asked for than there was.
func (b *Budget) Exhausted() bool { return b.left.Load() <= 0 }

// of is the budget that ctx pays from, or nil: constants have none.
func of(ctx *hcl.EvalContext) *Budget {
	for ; ctx != nil; ctx = ctx.Parent() {
		v, ok := ctx.Variables[variable]
		if !ok {
			continue
		}
		if b, ok := v.EncapsulatedValue().(*Budget); ok {
			return b
		}
	}
	return nil
}

func capsule() cty.Type { return capsuleType }

var capsuleType = cty.Capsule("budget", reflect.TypeFor[Budget]())

// measure is the cost of a value. It stops once the cost is more than limit,
// so that it never costs more itself than what it measures may.
func measure(v cty.Value, limit int64, depth int) int64 {
	v, _ = v.Unmark()
	if depth > maxNested {
		return limit + 1
	}
	if !v.IsKnown() || v.IsNull() {
		return perValue
	}
	ty := v.Type()
	switch {
	case ty == cty.String:
		return perValue + int64(len(v.AsString()))
	case ty == cty.Number:
		if f := v.AsBigFloat(); f.IsInf() || f.MantExp(nil) > maxBits || f.MantExp(nil) < -maxBits {
			return limit + 1
		}
		return perValue
	case !v.CanIterateElements():
		return perValue
	}
	cost := int64(perValue)
	for it := v.ElementIterator(); it.Next() && cost <= limit; {
		key, element := it.Element()
		if key, _ := key.Unmark(); key.Type() == cty.String && key.IsKnown() && !ty.IsSetType() {
			cost += int64(len(key.AsString()))
		}
		cost += measure(element, limit-cost, depth+1)
	}
	return cost
}
