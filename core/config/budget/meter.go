package budget

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// metered is an expression that pays for its value.
type metered struct {
	hclsyntax.Expression
	conversion bool // its value may be converted by the expression around it
}

// Value evaluates the expression. Once the budget is exhausted every value is
// unknown, which ends all loops at once; the evaluation's caller reports it.
func (m metered) Value(ctx *hcl.EvalContext) (cty.Value, hcl.Diagnostics) {
	b := of(ctx)
	if b == nil {
		return m.Expression.Value(ctx)
	}
	if b.Exhausted() {
		return cty.DynamicVal, nil
	}
	v, diags := m.Expression.Value(ctx)
	if !diags.HasErrors() && !b.pay(v, m.conversion) {
		return cty.DynamicVal, nil
	}
	return v, diags
}

// Unwrap is the expression as it was parsed. Expressions inside it may be
// metered themselves.
func Unwrap(e hcl.Expression) hcl.Expression {
	if m, ok := e.(metered); ok {
		return m.Expression
	}
	return e
}

// Meter makes an expression and all inside it pay. It changes the tree, and
// hides names from hclsyntax.Walk: collect references first.
func Meter(e hclsyntax.Expression) hclsyntax.Expression {
	switch e := e.(type) {
	case nil:
		return nil
	case metered, *hclsyntax.LiteralValueExpr, *hclsyntax.ScopeTraversalExpr, *hclsyntax.AnonSymbolExpr, *hclsyntax.ExprSyntaxError:
		return e
	case *hclsyntax.ObjectConsKeyExpr:
		// An object key that is a bare name must stay recognisable as one.
		e.Wrapped = Meter(e.Wrapped)
		return e
	}
	inside(e)
	return metered{Expression: e}
}

// inside meters the parts of an expression.
func inside(e hclsyntax.Expression) {
	switch e := e.(type) {
	case *hclsyntax.ParenthesesExpr:
		e.Expression = Meter(e.Expression)
	case *hclsyntax.RelativeTraversalExpr:
		e.Source = Meter(e.Source)
	case *hclsyntax.FunctionCallExpr:
		for i := range e.Args {
			e.Args[i] = converted(e.Args[i])
		}
	case *hclsyntax.ConditionalExpr:
		e.Condition, e.TrueResult, e.FalseResult = Meter(e.Condition), converted(e.TrueResult), converted(e.FalseResult)
	case *hclsyntax.IndexExpr:
		e.Collection, e.Key = Meter(e.Collection), Meter(e.Key)
	case *hclsyntax.TupleConsExpr:
		each(e.Exprs)
	case *hclsyntax.ObjectConsExpr:
		for i := range e.Items {
			e.Items[i].KeyExpr, e.Items[i].ValueExpr = Meter(e.Items[i].KeyExpr), Meter(e.Items[i].ValueExpr)
		}
	case *hclsyntax.ForExpr:
		e.CollExpr = walk(e.CollExpr)
		e.KeyExpr, e.ValExpr, e.CondExpr = Meter(e.KeyExpr), Meter(e.ValExpr), Meter(e.CondExpr)
	case *hclsyntax.SplatExpr:
		e.Source, e.Each = walk(e.Source), Meter(e.Each)
	case *hclsyntax.BinaryOpExpr:
		e.LHS, e.RHS = walk(e.LHS), walk(e.RHS)
	case *hclsyntax.UnaryOpExpr:
		e.Val = Meter(e.Val)
	case *hclsyntax.TemplateExpr:
		for i := range e.Parts {
			e.Parts[i] = walk(e.Parts[i])
		}
	case *hclsyntax.TemplateJoinExpr:
		e.Tuple = Meter(e.Tuple)
	case *hclsyntax.TemplateWrapExpr:
		e.Wrapped = Meter(e.Wrapped)
	}
}

func each(es []hclsyntax.Expression) {
	for i := range es {
		es[i] = Meter(es[i])
	}
}

// walk meters an expression whose value is walked by the one around it: a name
// costs nothing by itself, but each walk over its value does.
func walk(e hclsyntax.Expression) hclsyntax.Expression {
	if _, isName := e.(*hclsyntax.ScopeTraversalExpr); isName {
		return metered{Expression: e}
	}
	return Meter(e)
}

// converted meters an expression whose value is walked and may be converted.
func converted(e hclsyntax.Expression) hclsyntax.Expression {
	if m, ok := walk(e).(metered); ok {
		m.conversion = true
		return m
	}
	return e
}
