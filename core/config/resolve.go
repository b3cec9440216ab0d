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

// The names that expressions may use, by root. var, local and stage have what
// the files declare.
func roots() []string     { return []string{"var", "local", "stage", "run", "git", "path"} }
func runNames() []string  { return []string{"id", "started_at"} }
func pathNames() []string { return []string{"root", "cwd"} }
func gitNames() []string {
	return []string{"commit", "short_commit", "ref", "branch", "tag", "clean", "repository"}
}

// resolve checks that all that expressions use is there. Allowed are the roots
// that may be used at this place; why says so for the others.
func (s *Source) resolve(r *references, allowed []string, why string, diags *diag.List) {
	for _, ref := range r.names {
		s.resolveName(ref, allowed, why, diags)
	}
	for _, call := range r.calls {
		if call.Name == "secret" {
			s.resolveSecret(r, call, slices.Contains(allowed, "stage"), why, diags)
			continue
		}
		if _, ok := s.functions[call.Name]; !ok {
			s.broken.at(call.NameRange)
			diags.Append(&call.NameRange, fmt.Sprintf("Unknown function %q", clip(call.Name)),
				s.hints.Give(call.Name, s.functionNames, "functions"))
		}
	}
}

func (s *Source) functionNames() []string {
	return append(slices.Collect(maps.Keys(s.functions)), "secret")
}

func (s *Source) resolveName(ref reference, allowed []string, why string, diags *diag.List) {
	rng, before := ref.rng, len(*diags)
	defer func() {
		if len(*diags) > before {
			s.broken.at(rng)
		}
	}()
	if !slices.Contains(roots(), ref.root) {
		diags.Append(&rng, fmt.Sprintf("Unknown name %q", clip(ref.root)), s.hintForRoot(ref.root))
		return
	}
	if !slices.Contains(allowed, ref.root) {
		diags.Append(&rng, fmt.Sprintf("%q cannot be used here", ref.root), why)
		return
	}
	if ref.name == "" {
		diags.Append(&rng, fmt.Sprintf("Incomplete reference %q", ref.root), fmt.Sprintf(
			"Write %s.<name> with a fixed name, so that it is known what is needed.", ref.root))
		return
	}
	var known func() []string
	var what, plural string
	facts := false // the names are fixed
	switch ref.root {
	case "var":
		if s.variables[ref.name] != nil {
			return
		}
		known, what, plural = namesOf(s.variables), "variable", "variables"
	case "local":
		if s.locals[ref.name] != nil {
			return
		}
		known, what, plural = namesOf(s.locals), "local", "locals"
	case "stage":
		if s.byName[ref.name] != nil {
			return
		}
		known, what, plural = namesOf(s.byName), "stage", "stages"
	case "run":
		facts = true
		known, what, plural = runNames, "fact of a run", "facts of a run"
	case "git":
		facts = true
		known, what, plural = gitNames, "git fact", "git facts"
	case "path":
		facts = true
		known, what, plural = pathNames, "path", "paths"
	}
	if !facts || !slices.Contains(known(), ref.name) {
		diags.Append(&rng, fmt.Sprintf("Unknown %s %q", what, clip(ref.name)), s.hints.Give(ref.name, known, plural))
	}
}

// namesOf lists the keys of a map when asked.
func namesOf[V any](m map[string]V) func() []string {
	return func() []string { return slices.Collect(maps.Keys(m)) }
}

// hintForRoot looks among the roots, and says how to write what is a name of
// something else.
func (s *Source) hintForRoot(name string) string {
	switch {
	case s.variables[name] != nil:
		return fmt.Sprintf("A variable is written var.%s.", name)
	case s.locals[name] != nil:
		return fmt.Sprintf("A local is written local.%s.", name)
	case s.byName[name] != nil:
		return fmt.Sprintf("A stage is written stage.%s.", name)
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
