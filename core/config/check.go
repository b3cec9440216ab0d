package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
)

// check values a stage's expressions before anything has run, and is its `with`
// block then. What is wrong with late bindings is reported once, by cause.
func (e *Evaluator) check(p *prepared, b *budget.Budget, diags *diag.List) (cty.Value, bool) {
	s, problems := e.scope(p, nil, b, unknownSecret())
	*diags = append(*diags, problems...)
	s.checkArgument(p.when, cty.Bool, diags)
	s.checkArgument(p.environment, cty.String, diags)
	e.checkConditions(p, s, diags)
	if p.spec == nil {
		return cty.NilVal, false
	}
	v, problems := p.spec.Decode(p.with, s)
	*diags = append(*diags, problems...)
	return v, !problems.HasErrors()
}

func (s *scope) checkArgument(a *hclsyntax.Attribute, want cty.Type, diags *diag.List) {
	if a == nil {
		return
	}
	v, problems := s.Value(a.Expr, want)
	*diags = append(*diags, problems...)
	if bare, marks := v.Unmark(); !problems.HasErrors() {
		place := a.Expr.Range()
		switch {
		case len(marks) > 0:
			diags.Append(&place, fmt.Sprintf("%q cannot be sensitive", a.Name),
				"What the runner does would show it. Use a value that is not sensitive.")
		case bare.IsKnown() && bare.IsNull():
			diags.Append(&place, fmt.Sprintf("%q is null", a.Name), "Give it a value, or leave the argument out.")
		}
	}
}
