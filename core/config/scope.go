package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/body"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

// scope is where expressions get their values: the names and functions that
// they may use, and what they may cost.
type scope struct {
	ctx    *hcl.EvalContext
	budget *budget.Budget
	// broken are the references that are reported already: an expression that
	// uses one is unknown, and no news.
	broken broken
}

// newScope is a scope below another one's names.
func newScope(parent *hcl.EvalContext, b *budget.Budget, known broken) *scope {
	ctx := parent.NewChild()
	ctx.Variables = make(map[string]cty.Value, 3)
	b.Install(ctx)
	return &scope{ctx, b, known}
}

// With is the scope and one more name.
func (s *scope) With(name string, v cty.Value) body.Values { return s.with(name, v) }

func (s *scope) with(name string, v cty.Value) *scope {
	ctx := s.ctx.NewChild()
	ctx.Variables = map[string]cty.Value{name: v}
	return &scope{ctx, s.budget, s.broken}
}

// Value is an expression's value as the wanted type.
func (s *scope) Value(expr hclsyntax.Expression, want cty.Type) (cty.Value, diag.List) {
	unknown := cty.UnknownVal(want.WithoutOptionalAttributesDeep())
	v, problems := expr.Value(s.ctx)
	if s.budget.Exhausted() {
		return unknown, tooExpensive(expr.Range())
	}
	diags := s.explain(expr, problems)
	if problems.HasErrors() {
		return unknown, diags
	}
	converted, err := s.budget.Convert(v, want)
	switch {
	case s.budget.Exhausted():
		return unknown, tooExpensive(expr.Range())
	case err != nil:
		return unknown, append(diags, wrongType(expr, v, want))
	}
	return converted, diags
}

// Work pays for making so many values out of a block.
func (s *scope) Work(values int, place hcl.Range) diag.List {
	if !s.budget.Work(perField * int64(values+1)) {
		return tooExpensive(place)
	}
	return nil
}

// perField is what an argument or block costs, written or not.
const perField = 64

func tooExpensive(place hcl.Range) diag.List {
	return diag.List{{
		Severity: diag.Error, Cause: "budget", Subject: &place,
		Summary: "Expressions too expensive",
		Detail:  "Evaluating the pipeline up to here takes more work or memory than is allowed, or a value is nested too deeply or a number out of range. Use smaller collections, and loops over them that are not nested.",
	}}
}

// explain converts what HCL found. Details may quote values, so they are left
// out where a sensitive value is involved.
func (s *scope) explain(expr hclsyntax.Expression, problems hcl.Diagnostics) diag.List {
	if len(problems) == 0 {
		return nil
	}
	var used references
	used.collect(expr)
	if s.broken.anyOf(&used) {
		return nil
	}
	diags := diag.FromHCL(problems)
	if !s.sensitive(&used) {
		return diags
	}
	for i := range diags {
		diags[i].Detail = "The reason is not shown, because a sensitive value is used here."
		// What secret(…) itself says never holds a value.
		call, ok := hcl.DiagnosticExtra[hclsyntax.FunctionCallDiagExtra](problems[i])
		if ok && call.CalledFunctionName() == "secret" && call.FunctionCallError() != nil {
			diags[i].Summary, diags[i].Detail = "Secret cannot be read", upper(call.FunctionCallError().Error())+"."
		}
	}
	return diags
}

// sensitive reports whether references are to anything sensitive.
func (s *scope) sensitive(used *references) bool {
	for _, call := range used.calls {
		if call.Name == "secret" {
			return true
		}
	}
	for _, ref := range used.names {
		path := hcl.Traversal{hcl.TraverseRoot{Name: ref.root}, hcl.TraverseAttr{Name: ref.name}}
		if ref.fixed {
			path = append(path, hcl.TraverseIndex{Key: cty.StringVal(ref.key)})
		}
		if !ref.hasKey || ref.fixed {
			path = append(path, hcl.TraverseAttr{Name: ref.output})
		}
		// The deepest step that is there decides: one output of a stage may be
		// sensitive and another not.
		for n := len(path); n > 0; n-- {
			v, problems := path[:n].TraverseAbs(s.ctx)
			if problems.HasErrors() {
				continue
			}
			if holdsSensitive(v) {
				return true
			}
			break
		}
	}
	return false
}

func holdsSensitive(v cty.Value) bool {
	_, marks := v.UnmarkDeep()
	_, is := marks[dynamic.Sensitive]
	return is
}

// marked is v with the mark of sensitive values when it has to be.
func marked(v cty.Value, sensitive bool) cty.Value {
	if sensitive {
		return v.Mark(dynamic.Sensitive)
	}
	return v
}
