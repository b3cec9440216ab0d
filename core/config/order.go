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

// links are all that names need directly: stages and bindings.
func (s *Source) links() []link {
	var out []link
	for _, m := range s.modules {
		for _, b := range m.bindings {
			out = append(out, b.module.linksOf(b.address(), b.refs.names)...)
			if b.variable == nil {
				continue
			}
			for _, rule := range b.variable.validations {
				for _, l := range m.linksOf(b.address(), rule.refs.names) {
					if l.to != l.from {
						out = append(out, l)
					}
				}
			}
		}
		for _, st := range m.stages {
			from := st.address()
			for _, refs := range [][]reference{st.refs.names, st.early.names, st.eachRefs.names} {
				out = append(out, m.linksOf(from, refs)...)
			}
			out = append(out, m.needed(from, st.needs)...)
			for around := m; around.parent != nil; around = around.parent {
				out = append(out, around.parent.needed(from, around.needs)...)
			}
		}
	}
	return out
}

// linksOf are what references in a module lead to.
func (m *module) linksOf(from string, refs []reference) []link {
	var out []link
	for _, ref := range refs {
		for _, b := range m.named(ref) {
			out = append(out, link{from, b.address(), ref.rng})
		}
		if st := m.byName[ref.name]; st != nil && ref.root == "stage" {
			out = append(out, link{from, st.address(), ref.rng})
		}
	}
	return out
}

// needed are the stages that needs lead to.
func (m *module) needed(from string, needs []reference) []link {
	var out []link
	for _, need := range needs {
		for _, st := range m.stagesOf(need) {
			out = append(out, link{from, st.address(), need.rng})
		}
	}
	return out
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
// finds out which are late. Names that wait for each other are reported.
func (s *Source) sort(diags *diag.List) {
	links := s.links()
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
	for _, l := range links {
		_ = g.Connect(l.from, l.to) // both are there
	}
	order, err := g.Order()
	if err != nil {
		s.reportCycle(g.Cycle(), links, diags)
		return
	}
	for _, address := range order {
		b := byAddress[address]
		if b == nil {
			continue
		}
		b.late = b.refs.late()
		for _, used := range b.prerequisites() {
			b.late = b.late || used.late
		}
		s.bindings = append(s.bindings, b)
	}
}

// reportCycle shows a path from a name back to itself, and the place of each
// reference on it.
func (s *Source) reportCycle(cycle []string, links []link, diags *diag.List) {
	place := func(from, to string) hcl.Range {
		for _, l := range links {
			if l.from == from && l.to == to {
				return l.place
			}
		}
		return hcl.Range{}
	}
	var lines []string
	for i, name := range cycle[:len(cycle)-1] {
		lines = append(lines, fmt.Sprintf("  %s needs %s at %s", name, cycle[i+1], at(place(name, cycle[i+1]))))
	}
	first := place(cycle[0], cycle[1])
	*diags = append(*diags, diag.Diagnostic{
		Severity: diag.Error,
		Summary:  "Dependency cycle: " + strings.Join(cycle, " → "),
		Detail:   "None of them can be first:\n" + strings.Join(lines, "\n") + "\nRemove one of these references.",
		Subject:  &first,
	})
}
