package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/graph"
)

const whyEarly = "This is needed before the run starts, so it cannot use what a stage makes, or a secret."

// link resolves all references, and finds cycles.
func (s *Source) link(diags *diag.List) {
	for _, v := range s.order {
		for _, rule := range v.validations {
			var r references
			r.collect(rule.condition.Expr)
			r.collect(rule.message.Expr)
			s.resolve(&r, []string{"var", "run", "git", "path"},
				"A validation is checked before locals and stages have values. Use variables.", diags)
		}
	}
	for _, l := range s.localOrder {
		l.refs = &references{}
		l.refs.collect(l.expr)
		s.resolve(l.refs, roots(), "", diags)
	}
	s.orderLocals(diags)
	for _, st := range s.stages {
		s.linkStage(st, diags)
	}
	s.findCycle(diags)
}

func (s *Source) linkStage(st *stage, diags *diag.List) {
	st.refs, st.early = &references{}, &references{}
	for _, ref := range st.needs {
		s.resolveName(ref, []string{"stage"}, "", diags)
	}
	for _, a := range []*hclsyntax.Attribute{st.when, st.environment} {
		if a != nil {
			st.refs.collect(a.Expr)
		}
	}
	if st.with != nil {
		st.refs.collectBody(st.with.Body)
	}
	for _, a := range []*hclsyntax.Attribute{st.timeout, st.group} {
		if a != nil {
			st.early.collect(a.Expr)
		}
	}
	for _, b := range []*hclsyntax.Block{st.retry, st.approval} {
		if b != nil {
			st.early.collectBody(b.Body)
		}
	}
	s.resolve(st.refs, roots(), "", diags)
	s.resolve(st.early, []string{"var", "local", "run", "git", "path"}, whyEarly, diags)
	for _, ref := range st.early.names {
		if l := s.locals[ref.name]; ref.root == "local" && l != nil && l.late {
			diags.Append(ref.rng.Ptr(), fmt.Sprintf("%q cannot be used here", l.address()), whyEarly)
		}
	}
}

// orderLocals sorts the locals so that each comes after those that it uses.
func (s *Source) orderLocals(diags *diag.List) {
	var g graph.Graph
	for _, l := range s.localOrder {
		g.Add(l.name)
	}
	for _, l := range s.localOrder {
		for _, name := range l.refs.of("local") {
			if s.locals[name] != nil {
				_ = g.Connect(l.name, name) // both are there
			}
		}
	}
	order, err := g.Order()
	if err != nil {
		s.reportCycle("local", g.Cycle(), diags)
		s.localOrder = nil
		return
	}
	s.localOrder = s.localOrder[:0]
	for _, name := range order {
		l := s.locals[name]
		l.late = l.refs.late()
		for _, used := range l.refs.of("local") {
			if s.locals[used] != nil && s.locals[used].late {
				l.late = true
			}
		}
		s.localOrder = append(s.localOrder, l)
	}
}

// findCycle reports stages that wait for each other.
func (s *Source) findCycle(diags *diag.List) {
	var g graph.Graph
	for _, st := range s.stages {
		g.Add(st.name)
	}
	for _, st := range s.stages {
		for _, ref := range s.stageReferences(st) {
			_ = g.Connect(st.name, ref.name) // both are there
		}
	}
	if cycle := g.Cycle(); cycle != nil {
		s.reportCycle("stage", cycle, diags)
	}
}

// reportCycle shows a path from a name back to itself, and the place of each
// reference on it.
func (s *Source) reportCycle(root string, cycle []string, diags *diag.List) {
	var lines []string
	var first *hcl.Range
	for i, name := range cycle[:len(cycle)-1] {
		place := s.referenceTo(root, name, cycle[i+1])
		if first == nil {
			first = &place
		}
		lines = append(lines, fmt.Sprintf("  %s.%s needs %s.%s at %s", root, name, root, cycle[i+1], at(place)))
	}
	*diags = append(*diags, diag.Diagnostic{
		Severity: diag.Error,
		Summary:  "Dependency cycle: " + root + "." + strings.Join(cycle, " → "+root+"."),
		Detail:   "None of them can be first:\n" + strings.Join(lines, "\n") + "\nRemove one of these references.",
		Subject:  first,
	})
}

// referenceTo is where one name refers to another.
func (s *Source) referenceTo(root, from, to string) hcl.Range {
	if root == "local" {
		for _, ref := range s.locals[from].refs.names {
			if ref.root == "local" && ref.name == to {
				return ref.rng
			}
		}
		return s.locals[from].rng
	}
	for _, ref := range s.stageReferences(s.byName[from]) {
		if ref.name == to {
			return ref.rng
		}
	}
	return s.byName[from].header
}

// stageReferences are the known stages that a stage needs: as written, by
// reference, and by reference through locals.
func (s *Source) stageReferences(st *stage) []reference {
	var out []reference
	add := func(refs []reference) {
		for _, ref := range refs {
			if ref.root == "stage" && s.byName[ref.name] != nil {
				out = append(out, ref)
			}
		}
	}
	add(st.needs)
	add(st.refs.names)
	for _, l := range s.localsOf(st.refs, nil) {
		add(l.refs.names)
	}
	return out
}

// localsOf are the late locals that expressions use, directly or through each
// other, each after those that it uses.
func (s *Source) localsOf(r *references, seen map[string]bool) []*local {
	var out []*local
	for _, name := range r.of("local") {
		l := s.locals[name]
		if l == nil || !l.late || seen[name] {
			continue
		}
		if seen == nil {
			seen = make(map[string]bool)
		}
		seen[name] = true
		out = append(out, s.localsOf(l.refs, seen)...)
		out = append(out, l)
	}
	return out
}
