package operator

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
)

// Constants values expressions of the operator's configuration, in which there
// are no names and no functions.
type Constants struct{}

// Value is the expression's value as the wanted type.
func (Constants) Value(expr hclsyntax.Expression, want cty.Type) (cty.Value, diag.List) {
	v, found := expr.Value(&hcl.EvalContext{})
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
