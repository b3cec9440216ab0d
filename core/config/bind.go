package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

// bind is the value of a binding, whose expression gets its values from s.
// Late are the values of those before it that are known only now.
func (e *Evaluator) bind(b *binding, s *scope, late map[*binding]cty.Value) (cty.Value, diag.List) {
	if b.expr == nil {
		return e.bindDefault(b)
	}
	v, diags := s.Value(b.expr, cty.DynamicPseudoType)
	if diags.HasErrors() {
		return cty.DynamicVal, diags
	}
	if b.variable == nil {
		return marked(v, b.sensitive), diags
	}
	v, more := b.accept(v, s)
	if diags = append(diags, more...); diags.HasErrors() {
		return cty.UnknownVal(b.variable.Type), diags
	}
	return v, append(diags, e.checkInput(b, v, s, late)...)
}

func (e *Evaluator) bindDefault(b *binding) (cty.Value, diag.List) {
	v := b.variable
	if v.Default == cty.NilVal {
		return cty.UnknownVal(v.Type), nil // that it is missing is reported
	}
	return marked(v.Default, v.Sensitive), nil
}

// accept makes a value fit the variable of a module.
func (b *binding) accept(given cty.Value, s *scope) (cty.Value, diag.List) {
	var diags diag.List
	v, place := b.variable, b.expr.Range()
	bare, marks := given.UnmarkDeepWithPaths()
	value, err := v.convert(bare, s.budget)
	if err != nil {
		diags.Append(&place, fmt.Sprintf("Wrong value for variable %q", v.Name), fmt.Sprintf(
			"It does not fit the type %s of the module %q: %s.", clip(typeexpr.TypeString(v.want)), b.owner.name, hidden(err, len(marks) > 0)))
		return cty.UnknownVal(v.Type), diags
	}
	if value.IsNull() && !v.Nullable {
		if v.Default == cty.NilVal {
			diags.Append(&place, fmt.Sprintf("Null for variable %q", v.Name), fmt.Sprintf(
				"The module %q declares it with nullable = false.", b.owner.name))
			return cty.UnknownVal(v.Type), diags
		}
		value = v.Default
	}
	return marked(remark(value, marks), v.Sensitive), diags
}

// remark gives a converted value the marks of the value that it was made of.
// Where a conversion may have moved what is marked, all of it is.
func remark(v cty.Value, marks []cty.PathValueMarks) cty.Value {
	for _, one := range marks {
		if _, err := one.Path.Apply(v); err == nil && !v.Type().IsSetType() {
			continue
		}
		for _, one := range marks {
			v = v.WithMarks(one.Marks)
		}
		return v
	}
	return dynamic.Mark(v, marks)
}

// hidden is why a conversion failed, which may quote the value.
func hidden(err error, sensitive bool) string {
	if sensitive {
		return "the reason is not shown, because the value is sensitive"
	}
	return clipText(err.Error())
}

// checkInput checks the rules of a module's variable.
func (e *Evaluator) checkInput(b *binding, value cty.Value, s *scope, late map[*binding]cty.Value) diag.List {
	var diags diag.List
	if bare, _ := value.UnmarkDeep(); !bare.IsWhollyKnown() {
		return nil
	}
	for _, rule := range b.variable.validations {
		in := newScope(e.bases[b.owner], s.budget, e.broken)
		known := map[*binding]cty.Value{b: value}
		for _, used := range b.owner.bindingsOf(rule.refs) {
			if v, ok := late[used]; ok {
				known[used] = v
			}
		}
		e.name(in, b.owner, rule.refs, known)
		place := b.expr.Range()
		in.validate(b.variable, rule, &place, fmt.Sprintf("The rule is at %s.", at(rule.condition.Expr.Range())), &diags)
	}
	return diags
}
