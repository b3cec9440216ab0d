package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/zclconf/go-cty/cty"
)

// Types of variables may have defaults in them, optional(string, "x"). The
// library values them without a budget, and puts them in wherever an attribute
// is missing; so both are paid for before it is asked to.

// maxOptional bounds the elements of one collection in such a default, which
// the library converts in quadratic time.
const maxOptional = 1000

// payDefaults pays for the defaults in a type.
func payDefaults(ty hclsyntax.Expression, b *budget.Budget) bool {
	w := &defaultsWalker{budget: b, ok: true}
	_ = hclsyntax.Walk(ty, w) // it finds nothing wrong
	return w.ok
}

type defaultsWalker struct {
	budget *budget.Budget
	ok     bool
}

// Enter values one default.
func (w *defaultsWalker) Enter(n hclsyntax.Node) hcl.Diagnostics {
	call, is := n.(*hclsyntax.FunctionCallExpr)
	if !is || call.Name != "optional" || len(call.Args) != 2 || !w.ok {
		return nil
	}
	v, _ := w.budget.Constant(call.Args[1])
	w.ok = !w.budget.Exhausted() && short(v)
	return nil
}

// Exit is for the walker's interface.
func (w *defaultsWalker) Exit(hclsyntax.Node) hcl.Diagnostics { return nil }

// short reports whether no collection in a value has too many elements.
func short(v cty.Value) bool {
	if v == cty.NilVal || !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return true
	}
	if v.LengthInt() > maxOptional {
		return false
	}
	for it := v.ElementIterator(); it.Next(); {
		if _, element := it.Element(); !short(element) {
			return false
		}
	}
	return true
}

// payApply pays for a value with the defaults of its type put in.
func payApply(v cty.Value, defaults *typeexpr.Defaults, b *budget.Budget) bool {
	v, _ = v.Unmark()
	if defaults == nil || !v.IsKnown() || v.IsNull() || !v.CanIterateElements() {
		return b.Spend(v)
	}
	n := int64(v.LengthInt())
	if v.Type().IsCollectionType() && !b.Work(n*n/2) { // their types are compared with each other
		return false
	}
	given := make(map[string]bool)
	for it := v.ElementIterator(); it.Next(); {
		key, element := it.Element()
		inner := defaults.Children[""]
		if name := keyText(key); defaults.Type.IsObjectType() {
			inner, given[name] = defaults.Children[name], !element.IsNull()
		} else if key.Type() == cty.Number && defaults.Type.IsTupleType() {
			inner = defaults.Children[key.AsBigFloat().Text('f', 0)]
		}
		if !payApply(element, inner, b) {
			return false
		}
	}
	for name, value := range defaults.DefaultValues {
		if !given[name] && !payApply(value, defaults.Children[name], b) {
			return false
		}
	}
	return true
}
