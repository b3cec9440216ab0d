package budget

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// metered is an expression that pays for its value.
type metered struct {
	hclsyntax.Expression
	use  use
	call string // the function that it calls
}

// use is what the expression around one does with its value.
type use struct {
	argument   bool // it is a function, which walks it several times
	conversion bool // it may convert it
	number     bool // it may read it as a number
	spread     bool // it makes arguments of its elements
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
	if m.call != "" {
		ctx = b.priced(ctx, m.call)
	}
	v, diags := m.Expression.Value(ctx)
	if !diags.HasErrors() && !b.pay(v, m.use) {
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
	out := metered{Expression: e}
	if call, ok := e.(*hclsyntax.FunctionCallExpr); ok {
		out.call = call.Name
	}
	return out
}

// MeterBody makes all arguments of a block pay, and those of the blocks inside
// it.
func MeterBody(b *hclsyntax.Body) {
	for _, a := range b.Attributes {
		a.Expr = Meter(a.Expr)
	}
	for _, inner := range b.Blocks {
		MeterBody(inner.Body)
	}
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
			e.Args[i] = used(e.Args[i], use{argument: true, conversion: true, number: true, spread: e.ExpandFinal && i == len(e.Args)-1})
		}
	case *hclsyntax.ConditionalExpr:
		e.Condition = Meter(e.Condition)
		e.TrueResult, e.FalseResult = used(e.TrueResult, use{conversion: true}), used(e.FalseResult, use{conversion: true})
	case *hclsyntax.IndexExpr:
		e.Collection, e.Key = Meter(e.Collection), used(e.Key, use{number: true})
	case *hclsyntax.TupleConsExpr:
		each(e.Exprs)
	case *hclsyntax.ObjectConsExpr:
		for i := range e.Items {
			e.Items[i].KeyExpr, e.Items[i].ValueExpr = Meter(e.Items[i].KeyExpr), Meter(e.Items[i].ValueExpr)
		}
	case *hclsyntax.ForExpr:
		e.CollExpr = used(e.CollExpr, use{})
		e.KeyExpr, e.ValExpr, e.CondExpr = Meter(e.KeyExpr), Meter(e.ValExpr), Meter(e.CondExpr)
	case *hclsyntax.SplatExpr:
		e.Source, e.Each = used(e.Source, use{}), Meter(e.Each)
	case *hclsyntax.BinaryOpExpr:
		e.LHS, e.RHS = used(e.LHS, use{number: true}), used(e.RHS, use{number: true})
	case *hclsyntax.UnaryOpExpr:
		e.Val = used(e.Val, use{number: true})
	case *hclsyntax.TemplateExpr:
		for i := range e.Parts {
			e.Parts[i] = used(e.Parts[i], use{})
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

// used meters an expression whose value is walked by the one around it: a name
// costs nothing by itself, but each walk over its value does.
func used(e hclsyntax.Expression, how use) hclsyntax.Expression {
	if _, isName := e.(*hclsyntax.ScopeTraversalExpr); isName {
		return metered{Expression: e, use: how}
	}
	e = Meter(e)
	if m, ok := e.(metered); ok {
		m.use = how
		return m
	}
	return e
}
