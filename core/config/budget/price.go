package budget

import (
	"reflect"

	"github.com/hashicorp/hcl/v2"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

// Prices are functions whose work shows in neither their arguments nor their
// results. Each is made anew for a call, and asks pay before it works.
type Prices map[string]func(pay func(units int64) error) function.Function

// prices is the name under which they travel in an evaluation's context.
const prices = "\x00prices"

// Price makes metered expressions below ctx pay what calls cost.
func Price(ctx *hcl.EvalContext, functions Prices) {
	if ctx.Variables == nil {
		ctx.Variables = make(map[string]cty.Value, 1)
	}
	ctx.Variables[prices] = cty.CapsuleVal(pricesType, &functions)
}

// priced is a context in which a function asks b before it works.
func (b *Budget) priced(ctx *hcl.EvalContext, name string) *hcl.EvalContext {
	for around := ctx; around != nil; around = around.Parent() {
		v, ok := around.Variables[prices]
		if !ok {
			continue
		}
		functions, ok := v.EncapsulatedValue().(*Prices)
		if !ok || (*functions)[name] == nil {
			return ctx
		}
		inner := ctx.NewChild()
		inner.Functions = map[string]function.Function{name: (*functions)[name](b.pays)}
		return inner
	}
	return ctx
}

func (b *Budget) pays(units int64) error {
	if !b.Work(units) {
		return ErrExhausted
	}
	return nil
}

var pricesType = cty.Capsule("prices", reflect.TypeFor[Prices]()) //nolint:gochecknoglobals // capsule types are equal by identity
