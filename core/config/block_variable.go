package config

import (
	"errors"
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/budget"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/zclconf/go-cty/cty"
)

// Variable is a declared input of a pipeline.
type Variable struct {
	Name        string
	Description string
	Type        cty.Type // cty.DynamicPseudoType when any type will do
	Sensitive   bool
	Nullable    bool
	// Default is cty.NilVal when a value must be given.
	Default cty.Value
	Range   hcl.Range

	typed       bool // the declaration names a type
	optional    *typeexpr.Defaults
	want        cty.Type // with optional attributes
	validations []validation
	// binding is what a module's variable stands for; nil for those of the
	// pipeline itself.
	binding *binding
}

// validation is one rule of a variable.
type validation struct {
	condition, message *hclsyntax.Attribute
	refs               *references
}

func variableShape() *shape {
	return &shape{
		what: "a variable", header: `variable "name"`, labels: 1,
		args:   []string{"type", "default", "description", "sensitive", "nullable"},
		blocks: []string{"validation"},
	}
}

// decodeVariable reads a variable block.
func (m *module) decodeVariable(b *hclsyntax.Block, diags *diag.List) {
	if !variableShape().check(b, diags) {
		return
	}
	v := &Variable{Name: b.Labels[0], Range: b.DefRange(), want: cty.DynamicPseudoType, Default: cty.NilVal}
	if earlier := m.variables[v.Name]; earlier != nil {
		diags.Append(&v.Range, fmt.Sprintf("Duplicate variable %q", v.Name), fmt.Sprintf(
			"There is one already at %s.", at(earlier.Range)))
		return
	}
	m.variables[v.Name] = v
	m.order = append(m.order, v)
	if m.parent != nil {
		v.binding = &binding{module: m.parent, owner: m, root: "var", name: v.Name, rng: v.Range, variable: v}
		m.bindings = append(m.bindings, v.binding)
	}
	args := b.Body.Attributes
	v.Description, _ = m.source.constants.text(args["description"], diags)
	v.Sensitive = m.source.constants.bool(args["sensitive"], false, diags)
	v.Nullable = m.source.constants.bool(args["nullable"], true, diags)
	if a := args["type"]; a != nil {
		v.decodeType(a, m.source.constants.spend, diags)
	}
	v.Type = v.want.WithoutOptionalAttributesDeep()
	v.decodeDefault(args["default"], m.source.constants.spend, diags)
	for _, inner := range b.Body.Blocks {
		if inner.Type == "validation" {
			v.decodeValidation(inner, diags)
		}
	}
}

func (v *Variable) decodeDefault(a *hclsyntax.Attribute, b *budget.Budget, diags *diag.List) {
	if a == nil {
		return
	}
	place := a.Expr.Range()
	// What is wrong with the default must not also be reported as missing.
	v.Default = cty.UnknownVal(v.Type)
	value, problems := b.Constant(a.Expr)
	if b.Exhausted() {
		*diags = append(*diags, tooExpensive(place)...)
		return
	}
	if problems.HasErrors() {
		diags.Append(&place, "A default must be a constant",
			"It cannot use names or functions. Use a local for what is computed.")
		return
	}
	value, err := v.convert(value, b)
	if err != nil {
		diags.Append(&place, fmt.Sprintf("Unsuitable default for variable %q", v.Name), fmt.Sprintf(
			"The variable's type is %s: %s.", clip(typeexpr.TypeString(v.want)), clipText(err.Error())))
		return
	}
	if value.IsNull() && !v.Nullable {
		diags.Append(&place, "The default is null", "The variable is declared with nullable = false. Leave the default out to make a value required.")
		return
	}
	v.Default = value
}

// decodeType reads the type of a variable.
func (v *Variable) decodeType(a *hclsyntax.Attribute, b *budget.Budget, diags *diag.List) {
	if !payDefaults(a.Expr, b) {
		*diags = append(*diags, tooExpensive(a.Expr.Range())...)
		return
	}
	want, defaults, problems := typeexpr.TypeConstraintWithDefaults(a.Expr)
	*diags = append(*diags, diag.FromHCL(problems)...)
	if !problems.HasErrors() {
		v.typed, v.want, v.optional = true, want, defaults
	}
}

// convert makes a value fit the variable's type.
func (v *Variable) convert(value cty.Value, b *budget.Budget) (cty.Value, error) {
	if v.optional != nil && !value.IsNull() {
		if !payApply(value, v.optional, b) {
			return cty.NilVal, budget.ErrExhausted
		}
		value = v.optional.Apply(value)
	}
	value, err := b.Convert(value, v.want)
	return value, atPart(err)
}

// atPart is a conversion's error with the part of the value that it is about. A
// key of a map ends the path: it belongs to the value, which may be sensitive.
func atPart(err error) error {
	at, _ := errors.AsType[cty.PathError](err)
	var part strings.Builder
	for _, step := range at.Path {
		attribute, ok := step.(cty.GetAttrStep)
		if !ok {
			break
		}
		if part.Len() > 0 {
			part.WriteByte('.')
		}
		part.WriteString(attribute.Name)
	}
	if part.Len() == 0 {
		return err
	}
	return fmt.Errorf("in %s, %w", part.String(), err)
}

func (v *Variable) decodeValidation(b *hclsyntax.Block, diags *diag.List) {
	before := len(*diags)
	(&shape{
		what: "a validation", header: "validation",
		args: []string{"condition", "error_message"}, required: []string{"condition", "error_message"},
	}).checkBody(b, diags)
	if len(*diags) == before {
		v.validations = append(v.validations, validation{condition: b.Body.Attributes["condition"], message: b.Body.Attributes["error_message"]})
	}
}
