package config

import (
	"fmt"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/graph"
	"github.com/stagegate/stagegate/core/pipeline"
)

// address is how the language names the stage's block.
func (st *stage) address() string { return pipeline.StageAddress(st.module.stageName(st.name)) }

// link is one name that needs another one.
type link struct {
	from, to string // addresses
	place    hcl.Range
}

// maxLinks bounds what names need directly.
const maxLinks = 1_000_000

// links are all that names need directly: stages and bindings. It stops when
// yield says so.
func (s *Source) links(yield func(link) bool) {
	for _, m := range s.modules {
		for _, b := range m.bindings {
			if !m.linksOfBinding(b, yield) {
				return
			}
		}
		for _, st := range m.stages {
			if !m.linksOfStage(st, yield) {
				return
			}
		}
	}
}

func (m *module) linksOfBinding(b *binding, yield func(link) bool) bool {
	from := b.address()
	if !b.module.linksOf(from, b.refs, yield) {
		return false
	}
	if b.variable == nil {
		return true
	}
	others := func(l link) bool { return l.to == l.from || yield(l) }
	for _, rule := range b.variable.validations {
		if !m.linksOf(from, rule.refs, others) {
			return false
		}
	}
	return true
}

func (m *module) linksOfStage(st *stage, yield func(link) bool) bool {
	from := st.address()
	for _, refs := range []*references{st.refs, st.early, st.eachRefs} {
		if !m.linksOf(from, refs, yield) {
			return false
		}
	}
	if !m.needed(from, st.needs, yield) {
		return false
	}
	for around := m; around.parent != nil; around = around.parent {
		if !around.parent.needed(from, around.needs, yield) {
			return false
		}
	}
	return true
}

// linksOf are what references in a module lead to.
func (m *module) linksOf(from string, refs *references, yield func(link) bool) bool {
	for _, ref := range refs.distinct {
		for _, b := range m.named(ref) {
			if !yield(link{from, b.address(), ref.rng}) {
				return false
			}
		}
		if st := m.byName[ref.name]; st != nil && ref.root == "stage" && !yield(link{from, st.address(), ref.rng}) {
			return false
		}
	}
	return true
}

// needed are the stages that needs lead to.
func (m *module) needed(from string, needs []reference, yield func(link) bool) bool {
	for _, need := range needs {
		for _, st := range m.stagesOf(need) {
			if !yield(link{from, st.address(), need.rng}) {
				return false
			}
		}
	}
	return true
}

// stagesOf are the stage blocks that a need means: the one that it names, or
// all that are in a module.
func (m *module) stagesOf(need reference) []*stage {
	switch {
	case need.root == "stage" && m.byName[need.name] != nil:
		return []*stage{m.byName[need.name]}
	case need.root == "module" && m.children[need.name] != nil:
		var out []*stage
		for _, inside := range m.children[need.name].all() {
			out = append(out, inside.stages...)
		}
		return out
	default:
		return nil
	}
}

// sort puts the bindings in an order so that each comes after those that it uses, and
// finds out which are late. Names that wait for each other are reported; then
// there is no order.
func (s *Source) sort(diags *diag.List) (ok bool) {
	var g graph.Graph
	byAddress := make(map[string]*binding)
	for _, m := range s.modules {
		for _, b := range m.bindings {
			g.Add(b.address())
			byAddress[b.address()] = b
		}
		for _, st := range m.stages {
			g.Add(st.address())
		}
	}
	count := 0
	s.links(func(l link) bool {
		_ = g.Connect(l.from, l.to) // both are there
		count++
		return count <= maxLinks
	})
	if count > maxLinks {
		*diags = append(*diags, diag.Diagnostic{
			Severity: diag.Error, Summary: "Too many dependencies", Cause: "needs",
			Detail: fmt.Sprintf("Stages, locals, inputs and outputs use each other more than %d times.", maxLinks),
		})
		return false
	}
	order, err := g.Order()
	if err != nil {
		s.reportCycle(g.Cycle(), diags)
		return false
	}
	for _, address := range order {
		b := byAddress[address]
		if b == nil {
			continue
		}
		b.late, b.uses = b.refs.late(), b.prerequisites()
		for _, used := range b.uses {
			b.late = b.late || used.late
		}
		s.bindings = append(s.bindings, b)
	}
	s.ordered = true
	return true
}

// maxCycle bounds the names that the message about a cycle shows.
const maxCycle = 12

// reportCycle shows a path from a name back to itself, and the place of each
// reference on it.
func (s *Source) reportCycle(cycle []string, diags *diag.List) {
	left := len(cycle) - 1 - maxCycle
	if left > 0 {
		cycle = cycle[:maxCycle+1]
	}
	places := make(map[[2]string]hcl.Range, len(cycle))
	for i, name := range cycle[:len(cycle)-1] {
		places[[2]string{name, cycle[i+1]}] = hcl.Range{}
	}
	s.links(func(l link) bool {
		pair := [2]string{l.from, l.to}
		if place, on := places[pair]; on && place == (hcl.Range{}) {
			places[pair] = l.place
		}
		return true
	})
	var lines []string
	for i, name := range cycle[:len(cycle)-1] {
		lines = append(lines, fmt.Sprintf("  %s needs %s at %s", clip(name), clip(cycle[i+1]), at(places[[2]string{name, cycle[i+1]}])))
	}
	shown := strings.Join(cycle, " → ")
	if left > 0 {
		lines = append(lines, fmt.Sprintf("  … and so on, %d more, back to %s", left, clip(cycle[0])))
		shown += " → …"
	}
	first := places[[2]string{cycle[0], cycle[1]}]
	*diags = append(*diags, diag.Diagnostic{
		Severity: diag.Error,
		Summary:  "Dependency cycle: " + shown,
		Detail:   "None of them can be first:\n" + strings.Join(lines, "\n") + "\nRemove one of these references.",
		Subject:  &first,
	})
}
