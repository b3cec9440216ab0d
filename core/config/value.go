package config

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// VariableValue is a declared variable and its value.
type VariableValue struct {
	*Variable
	Value  cty.Value // marked when sensitive; unknown when it is wrong
	Source string    // in words: "--var name", "default", …
}

// Shown is the value as JSON, or "(sensitive)".
func (v VariableValue) Shown() string {
	if v.Value.ContainsMarked() {
		return "(sensitive)"
	}
	if !v.Value.IsWhollyKnown() {
		return "(unknown)"
	}
	data, err := ctyjson.Marshal(v.Value, v.Value.Type())
	if err != nil {
		return "(unknown)"
	}
	return string(data)
}

// assign gives every variable its value.
func (s *Source) assign(in Inputs, b *budget.Budget, diags *diag.List) []VariableValue {
	var hints spelling.Hints
	chosen := in.Variables.byName(s, func(name string) string { return hints.Give(name, namesOf(s.root.variables), "variables") }, diags)
	out := make([]VariableValue, 0, len(s.root.order))
	for _, v := range s.root.order {
		value := VariableValue{Variable: v, Value: v.Default, Source: "default"}
		if a, ok := chosen[v.Name]; ok {
			value.Value, value.Source = v.accept(a, b, diags), a.source
		} else if v.Default == cty.NilVal {
			value.Value = cty.UnknownVal(v.Type)
			if !in.Partial {
				diags.Append(&v.Range, fmt.Sprintf("Missing value for variable %q", v.Name), fmt.Sprintf(
					"It has no default. Set it with --var %s=…, in a --var-file, or with %s%s.", v.Name, envPrefix, v.Name))
			}
		}
		value.Value = marked(value.Value, v.Sensitive)
		out = append(out, value)
	}
	return out
}

// accept checks one value against the declaration.
func (v *Variable) accept(a assignment, b *budget.Budget, diags *diag.List) cty.Value {
	wrong := func(why string) cty.Value {
		diags.Append(&v.Range, fmt.Sprintf("Wrong value for variable %q", v.Name), fmt.Sprintf(
			"The value from %s does not fit the type %s: %s.", a.source, clip(typeexpr.TypeString(v.want)), clipText(why)))
		return cty.UnknownVal(v.Type)
	}
	value, err := a.value, error(nil)
	if value == cty.NilVal {
		if value, err = v.readText(a.text, b); err != nil {
			return wrong(err.Error())
		}
	}
	if value, err = v.convert(value, b); err != nil {
		return wrong(err.Error())
	}
	if value.IsNull() && !v.Nullable {
		if v.Default != cty.NilVal {
			return v.Default
		}
		return wrong("null is not allowed here")
	}
	return value
}

// validate checks the rules of all variables.
func (s *Source) validate(in *scope, values []VariableValue, diags *diag.List) {
	for _, v := range values {
		if bare, _ := v.Value.UnmarkDeep(); !bare.IsWhollyKnown() {
			continue // already reported
		}
		for _, rule := range v.validations {
			place := rule.condition.Expr.Range()
			in.validate(v.Variable, rule, &place, fmt.Sprintf("The value comes from: %s.", v.Source), diags)
		}
	}
}

// validate checks one rule. Place is what does not keep to it, and origin says
// more about that.
func (s *scope) validate(v *Variable, rule validation, place *hcl.Range, origin string, diags *diag.List) {
	holds, problems := s.Value(rule.condition.Expr, cty.Bool)
	*diags = append(*diags, problems...)
	holds, _ = holds.Unmark()
	if problems.HasErrors() || !holds.IsKnown() {
		return
	}
	if holds.IsNull() {
		diags.Append(rule.condition.Expr.Range().Ptr(), "Condition is null", "A condition must be true or false.")
		return
	}
	if holds.True() {
		return
	}
	message, problems := s.Value(rule.message.Expr, cty.String)
	text := "A validation of the variable does not hold."
	if !problems.HasErrors() {
		text = messageText(message)
	}
	diags.Append(place, fmt.Sprintf("Invalid value for variable %q", v.Name), clipText(text)+"\n"+origin)
}

// messageText is an error message of the user's own.
func messageText(v cty.Value) string {
	bare, marks := v.Unmark()
	switch {
	case len(marks) > 0:
		return "The message is not shown, because it has a sensitive value in it."
	case !bare.IsKnown() || bare.IsNull():
		return "Its message is not known."
	default:
		return clipText(bare.AsString())
	}
}

// clipText keeps a message from a file short.
func clipText(s string) string {
	const most = 2000
	return cut(s, most)
}
