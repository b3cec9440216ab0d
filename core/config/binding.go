package config

import (
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// binding is a name and the expression that it stands for: a local, an output
// of a module, or a variable of a module. The variables of the pipeline itself
// are none: their values come from outside.
type binding struct {
	module *module // in which the expression stands; its names are seen there
	owner  *module // in which the name is seen
	root   string  // local, var or output
	name   string
	expr   hclsyntax.Expression // nil for a variable that takes its default
	refs   *references
	rng    hcl.Range

	variable  *Variable // of a module
	sensitive bool      // an output that is declared to be
	// uses are the bindings that it needs, once their order is known.
	uses []*binding
	// late says that its value is known only while the pipeline runs: it needs
	// a stage's output or a secret, itself or through other bindings.
	late bool
}

// address is how the language names it, from the pipeline's view.
func (b *binding) address() string {
	if b.root == "output" {
		return b.owner.address(b.name) // module.m.name, as it is used
	}
	return b.owner.address(b.root + "." + b.name)
}

// bindingsOf are the bindings that references in a module name.
func (m *module) bindingsOf(r *references) []*binding {
	var out []*binding
	seen := make(map[*binding]bool)
	for _, ref := range r.distinct {
		for _, b := range m.named(ref) {
			if !seen[b] {
				seen[b] = true
				out = append(out, b)
			}
		}
	}
	return out
}

// named are the bindings that one reference names: all outputs of a module
// where it names the whole of it.
func (m *module) named(ref reference) []*binding {
	var one *binding
	switch ref.root {
	case "local":
		one = m.locals[ref.name]
	case "var":
		if v := m.variables[ref.name]; v != nil {
			one = v.binding
		}
	case "module":
		child := m.children[ref.name]
		if child == nil {
			return nil
		}
		if ref.output == "" {
			return child.outputOrder
		}
		one = child.outputs[ref.output]
	}
	if one == nil {
		return nil
	}
	return []*binding{one}
}

// prerequisites finds the bindings that one needs to have a value.
func (b *binding) prerequisites() []*binding {
	out := b.module.bindingsOf(b.refs)
	if b.variable == nil {
		return out
	}
	for _, rule := range b.variable.validations {
		for _, used := range b.owner.bindingsOf(rule.refs) {
			if used != b {
				out = append(out, used)
			}
		}
	}
	return out
}

// lateBindings are the late bindings that references in a module use, directly
// or through each other, each after those that it uses.
func (m *module) lateBindings(r *references) []*binding {
	var out []*binding
	seen := make(map[*binding]bool)
	var visit func(*binding)
	visit = func(b *binding) {
		if !b.late || seen[b] {
			return
		}
		seen[b] = true
		for _, used := range b.uses {
			visit(used)
		}
		out = append(out, b)
	}
	for _, b := range m.bindingsOf(r) {
		visit(b)
	}
	return out
}
