package config

import (
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config/spelling"
	"github.com/stagegate/stagegate/core/diag"
)

// The names that expressions may use, by root. var, local, stage and module
// have what the files declare.
func roots() []string {
	return []string{"var", "local", "stage", "module", "each", "self", "run", "git", "path"}
}
func runNames() []string  { return []string{"id", "started_at"} }
func pathNames() []string { return []string{"root", "cwd", "module"} }
func eachNames() []string { return []string{"key", "value"} }
func gitNames() []string {
	return []string{"commit", "short_commit", "ref", "branch", "tag", "clean", "repository"}
}

// resolve checks that all that expressions use is there, and may be used where
// they stand.
func (m *module) resolve(r *references, where usage, diags *diag.List) {
	for i := range r.names {
		m.settle(&r.names[i])
		m.resolveName(r.names[i], where, diags)
	}
	r.distinguish()
	s := m.source
	for _, call := range r.calls {
		if call.Name == "secret" {
			s.resolveSecret(r, call, slices.Contains(where.roots, "stage"), where.why, diags)
			continue
		}
		if _, ok := m.functions[call.Name]; !ok {
			s.broken.at(call.NameRange)
			diags.Append(&call.NameRange, fmt.Sprintf("Unknown function %q", clip(call.Name)),
				s.hints.Give(call.Name, m.functionNames, "functions"))
		}
	}
}

// settle reads stage.x["y"] by what stage.x is: one stage has an output y, and
// one with for_each an instance y.
func (m *module) settle(ref *reference) {
	st := m.byName[ref.name]
	if ref.root != "stage" || st == nil || st.forEach != nil || !ref.hasKey {
		return
	}
	ref.output = ref.key
	ref.hasKey, ref.fixed, ref.key, ref.index, ref.inKey = false, false, "", nil, nil
}

func (m *module) functionNames() []string {
	return append(slices.Collect(maps.Keys(m.functions)), "secret")
}

func (m *module) resolveName(ref reference, where usage, diags *diag.List) {
	rng, before := ref.rng, len(*diags)
	defer func() {
		if len(*diags) > before {
			m.source.broken.at(rng)
		}
	}()
	switch {
	case !slices.Contains(roots(), ref.root):
		diags.Append(&rng, fmt.Sprintf("Unknown name %q", clip(ref.root)), m.hintForRoot(ref.root))
	case !slices.Contains(where.roots, ref.root):
		diags.Append(&rng, fmt.Sprintf("%q cannot be used here", ref.root), where.refusal(ref.root))
	case ref.root == "self":
	case ref.name == "":
		diags.Append(&rng, fmt.Sprintf("Incomplete reference %q", ref.root), fmt.Sprintf(
			"Write %s.<name> with a fixed name, so that it is known what is needed.", ref.root))
	default:
		m.resolveMember(ref, diags)
	}
}

// refusal says why a name cannot be used.
func (u usage) refusal(root string) string {
	switch root {
	case "each":
		return "Only a stage with for_each has each.key and each.value, and they are known behind for_each."
	case "self":
		return "self is what the stage has made: only its postconditions know it."
	default:
		return u.why
	}
}

// resolveMember looks a name up under its root.
func (m *module) resolveMember(ref reference, diags *diag.List) {
	unknown := func(what, plural string, known func() []string) {
		diags.Append(ref.rng.Ptr(), fmt.Sprintf("Unknown %s %q", what, clip(ref.name)), m.source.hints.Give(ref.name, known, plural))
	}
	fixed := func(known func() []string, what, plural string) {
		if !slices.Contains(known(), ref.name) {
			unknown(what, plural, known)
		}
	}
	switch ref.root {
	case "var":
		if m.variables[ref.name] == nil {
			unknown("variable", "variables", namesOf(m.variables))
		}
	case "local":
		if m.locals[ref.name] == nil {
			unknown("local", "locals", namesOf(m.locals))
		}
	case "stage":
		if m.byName[ref.name] == nil {
			unknown("stage", "stages", namesOf(m.byName))
			return
		}
		m.byName[ref.name].resolveInstance(ref, diags)
	case "module":
		m.resolveOutput(ref, diags)
	case "run":
		fixed(runNames, "fact of a run", "facts of a run")
	case "git":
		fixed(gitNames, "git fact", "git facts")
	case "path":
		fixed(pathNames, "path", "paths")
	case "each":
		fixed(eachNames, "part of each", "parts of each")
	}
}

// resolveInstance checks that a reference fits whether there are instances.
func (st *stage) resolveInstance(ref reference, diags *diag.List) {
	switch {
	case st.forEach == nil && ref.hasKey:
		diags.Append(ref.rng.Ptr(), fmt.Sprintf("stage.%s has no instances", st.name), fmt.Sprintf(
			"It has no for_each, so that there is one. Write stage.%s without a key.", st.name))
	case st.forEach != nil && !ref.hasKey && ref.output != "":
		diags.Append(ref.rng.Ptr(), fmt.Sprintf("stage.%s has instances", st.name), fmt.Sprintf(
			`It has for_each, so that there is one for each key. Write stage.%[1]s["key"].%[2]s for one of them, or [for s in stage.%[1]s : s.%[2]s] for all.`,
			st.name, clip(ref.output)))
	case ref.fixed && ref.key == "":
		diags.Append(ref.rng.Ptr(), "Wrong key", "The key of an instance is a text, as for_each gives it.")
	}
}

// resolveOutput looks up module.<name>.<output>.
func (m *module) resolveOutput(ref reference, diags *diag.List) {
	child := m.children[ref.name]
	switch {
	case child == nil:
		diags.Append(ref.rng.Ptr(), fmt.Sprintf("Unknown module %q", clip(ref.name)),
			m.source.hints.Give(ref.name, namesOf(m.children), "modules"))
	case ref.output != "" && child.outputs[ref.output] == nil && child.read:
		diags.Append(ref.rng.Ptr(), fmt.Sprintf("Unknown output %q", clip(ref.output)), fmt.Sprintf(
			"The module %q has no such output. %s", ref.name, m.source.hints.Give(ref.output, namesOf(child.outputs), "outputs")))
	}
}

// namesOf lists the keys of a map when asked.
func namesOf[V any](m map[string]V) func() []string {
	return func() []string { return slices.Collect(maps.Keys(m)) }
}

// hintForRoot looks among the roots, and says how to write what is a name of
// something else.
func (m *module) hintForRoot(name string) string {
	switch {
	case m.variables[name] != nil:
		return fmt.Sprintf("A variable is written var.%s.", name)
	case m.locals[name] != nil:
		return fmt.Sprintf("A local is written local.%s.", name)
	case m.byName[name] != nil:
		return fmt.Sprintf("A stage is written stage.%s.", name)
	case m.children[name] != nil:
		return fmt.Sprintf("A module is written module.%s.", name)
	case spelling.Nearest(name, roots()) != "":
		return spelling.Hint(name, roots(), "names")
	default:
		return spelling.Hint(name, roots(), "names") + " Text goes between double quotes."
	}
}

func (s *Source) resolveSecret(r *references, call *hclsyntax.FunctionCallExpr, allowed bool, why string, diags *diag.List) {
	place := hcl.RangeBetween(call.NameRange, call.CloseParenRange)
	if !allowed {
		s.broken.at(call.NameRange)
		diags.Append(&place, `"secret" cannot be used here`, why)
		return
	}
	name, ok := "", len(call.Args) == 1
	if ok {
		name, ok = literalText(call.Args[0])
	}
	if !ok || name == "" {
		s.broken.at(call.NameRange)
		diags.Append(&place, "A secret needs a fixed name",
			`Write secret("name") with the name between quotes, so that it is known which secrets a stage may read.`)
		return
	}
	if !slices.Contains(r.secrets, name) {
		r.secrets = append(r.secrets, name)
	}
}

// literalText is the text of an expression that is only that.
func literalText(e hclsyntax.Expression) (string, bool) {
	t, ok := e.(*hclsyntax.TemplateExpr)
	if !ok || !t.IsStringLiteral() {
		return "", false
	}
	v, diags := t.Value(nil)
	if diags.HasErrors() {
		return "", false
	}
	return v.AsString(), true
}
