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
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Units that evaluations may spend. A unit is about 20 ns of work.
const (
	Load     = 64 << 20 // all of a pipeline when it is loaded
	PerStage = 4 << 10  // more for each of its stages
	Stage    = 64 << 20 // one stage when it runs
)

const (
	perValue  = 64   // and 1 for each byte of text
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

// Add makes the budget larger.
func (b *Budget) Add(units int64) { b.left.Add(units) }

// Work pays for work that shows in no value.
func (b *Budget) Work(units int64) bool {
	if b.left.Load() <= 0 {
		return false
	}
	return b.left.Add(-units) > 0
}

// Spend pays for v, and reports whether the budget allowed it.
func (b *Budget) Spend(v cty.Value) bool { return b.pay(v, use{}) }

// Constant is the value of an expression without names and functions. Its parts
// are metered from then on.
func (b *Budget) Constant(e hclsyntax.Expression) (cty.Value, hcl.Diagnostics) {
	ctx := &hcl.EvalContext{}
	b.Install(ctx)
	return Meter(e).Value(ctx)
}

func (b *Budget) pay(v cty.Value, how use) bool { return b.spendAs(v, cty.DynamicPseudoType, how) }

func (b *Budget) spendAs(v cty.Value, want cty.Type, how use) bool {
	left := b.left.Load()
	if left <= 0 {
		return false
	}
	m := meter{limit: left, use: how}
	m.add(v, want, 0)
	return b.left.Add(-m.cost) > 0
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

var capsuleType = cty.Capsule("budget", reflect.TypeFor[Budget]()) //nolint:gochecknoglobals // capsule types are equal by identity
