package operator

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
)

// Constants values expressions of the operator's configuration, in which there
// are no names and no functions.
type Constants struct {
	ctx   *hcl.EvalContext // names of dynamic blocks around
	spend *budget.Budget
}

// NewConstants may spend as much as a pipeline.
func NewConstants() Constants {
	c := Constants{ctx: &hcl.EvalContext{}, spend: budget.New(budget.Load)}
	c.spend.Install(c.ctx)
	return c
}

// Value is the expression's value as the wanted type.
func (c Constants) Value(expr hclsyntax.Expression, want cty.Type) (cty.Value, diag.List) {
	unknown := cty.UnknownVal(want.WithoutOptionalAttributesDeep())
	v, found := budget.Meter(expr).Value(c.ctx)
	if c.spend.Exhausted() {
		return unknown, tooExpensive(expr.Range())
	}
	if found.HasErrors() {
		return unknown, diag.FromHCL(found)
	}
	converted, err := c.spend.Convert(v, want)
	switch {
	case c.spend.Exhausted():
		return unknown, tooExpensive(expr.Range())
	case err != nil:
		var diags diag.List
		diags.Append(expr.Range().Ptr(), "Wrong type", "This value cannot be used here: "+err.Error()+".")
		return unknown, diags
	}
	return converted, nil
}

// perField is what an argument or block costs.
const perField = 64

// Work pays for a block.
func (c Constants) Work(fields int, place hcl.Range) diag.List {
	if c.spend.Work(perField * int64(fields+1)) {
		return nil
	}
	return tooExpensive(place)
}

// With is the same with a name, for what is inside a dynamic block.
func (c Constants) With(name string, v cty.Value) body.Values {
	ctx := c.ctx.NewChild()
	ctx.Variables = map[string]cty.Value{name: v}
	return Constants{ctx, c.spend}
}

func tooExpensive(place hcl.Range) diag.List {
	return diag.List{{
		Severity: diag.Error, Cause: "budget", Subject: &place, Summary: "Expressions too expensive",
		Detail: "Evaluating the configuration up to here takes more work or memory than is allowed. Use smaller collections.",
	}}
}
