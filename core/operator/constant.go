package operator

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Constants values expressions of the operator's configuration, in which there
// are no names and no functions.
type Constants struct {
	ctx *hcl.EvalContext // names of dynamic blocks around; nil when there are none
}

// Value is the expression's value as the wanted type.
func (c Constants) Value(expr hclsyntax.Expression, want cty.Type) (cty.Value, diag.List) {
	v, found := expr.Value(c.ctx.NewChild())
	if found.HasErrors() {
		return cty.UnknownVal(want.WithoutOptionalAttributesDeep()), diag.FromHCL(found)
	}
	converted, err := convert.Convert(v, want)
	if err != nil {
		var diags diag.List
		diags.Append(expr.Range().Ptr(), "Wrong type", "This value cannot be used here: "+err.Error()+".")
		return cty.UnknownVal(want.WithoutOptionalAttributesDeep()), diags
	}
	return converted, nil
}

// With is the same with a name, for what is inside a dynamic block.
func (c Constants) With(name string, v cty.Value) body.Values {
	ctx := c.ctx.NewChild()
	ctx.Variables = map[string]cty.Value{name: v}
	return Constants{ctx}
}
