// Package graphview draws the stages of a pipeline and what each waits for: as
// an SVG picture, for Graphviz, for Mermaid, and as lines of text. It knows
// nothing of files and plugins, and the same graph always gives the same bytes.
// Names are taken for hostile: they can be read in every form, and be markup in
// none.
package graphview

import (
	"slices"
	"strings"
	"unicode"
)

// Graph is what is drawn.
type Graph struct {
	Name     string // of the pipeline
	Subtitle string // a line about all of it
	Nodes    []Node // in source order, which decides wherever there is a choice
	Edges    []Edge
}

// Node is a stage.
type Node struct {
	Name   string   // unique
	Label  string   // the name within its group
	Groups []string // the modules around it, from the outside
	Uses   string
	Kind   string   // builder, tester, policy or deployer; empty when it is not known
	Notes  []string // what else is worth knowing, a line each
	Status string   // in a run, or empty
	Took   string   // how long it took in the run, or empty
}

// Relation says why a stage comes after another one.
type Relation int

// The relations, the weakest first.
const (
	Waits   Relation = iota // a policy stage waits for what it will judge
	Needs                   // it says so, or uses what the other one makes
	Governs                 // the other one is a policy stage that judges its plan
)

// Edge leads from a stage to one that comes after it.
type Edge struct {
	From, To string
	Relation Relation
}

// link is an edge between places in Nodes.
type link struct {
	from, to int
	relation Relation
}

// links are the edges whose ends are there, one for each pair and the strongest
// of several, sorted.
func (g Graph) links() []link {
	place := make(map[string]int, len(g.Nodes))
	for i, n := range g.Nodes {
		place[n.Name] = i
	}
	strongest := make(map[[2]int]Relation, len(g.Edges))
	for _, e := range g.Edges {
		from, ok := place[e.From]
		to, found := place[e.To]
		if !ok || !found || from == to {
			continue
		}
		pair := [2]int{from, to}
		if known, ok := strongest[pair]; !ok || known < e.Relation {
			strongest[pair] = e.Relation
		}
	}
	out := make([]link, 0, len(strongest))
	for pair, relation := range strongest {
		out = append(out, link{pair[0], pair[1], relation})
	}
	slices.SortFunc(out, func(a, b link) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return a.to - b.to
	})
	return out
}

// clean is text on one line, without what could steer whoever shows it.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == 0xFFFE || r == 0xFFFF:
			return -1
		default:
			return r
		}
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// group is a module, or the whole graph.
type group struct {
	label    string
	nodes    []int // those directly in it
	children []*group
	parent   *group
	depth    int
}

// tree arranges the nodes in their groups. The second answer is each node's own.
func (g Graph) tree() (*group, []*group) {
	root := &group{}
	own := make([]*group, len(g.Nodes))
	known := make(map[string]*group)
	for i, n := range g.Nodes {
		at, path := root, ""
		for _, label := range n.Groups {
			path += "\x00" + label
			next := known[path]
			if next == nil {
				next = &group{label: label, parent: at, depth: at.depth + 1}
				known[path] = next
				at.children = append(at.children, next)
			}
			at = next
		}
		at.nodes = append(at.nodes, i)
		own[i] = at
	}
	return root, own
}

// common is the innermost group around two others.
func common(a, b *group) *group {
	for a != b {
		if a.depth >= b.depth {
			a = a.parent
		} else {
			b = b.parent
		}
	}
	return a
}
