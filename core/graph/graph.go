// Package graph is a directed acyclic graph of named nodes: build it, find its
// cycle, order it, walk it. It knows nothing of what the nodes are, and imports
// nothing of ours.
package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Graph is a set of nodes, each with the nodes that it needs first. The order
// in which nodes were added decides wherever the needs leave a choice, so that
// equal graphs behave equally. The zero value is an empty graph. It may be read
// from several goroutines once it is built.
type Graph struct {
	names      []string
	index      map[string]int
	needs      [][]int
	dependents [][]int
	edges      map[edge]struct{}
}

type edge struct{ from, to int }

// Add adds a node. It reports whether the name is new.
func (g *Graph) Add(name string) bool {
	if _, ok := g.index[name]; ok {
		return false
	}
	if g.index == nil {
		g.index = make(map[string]int)
		g.edges = make(map[edge]struct{})
	}
	g.index[name] = len(g.names)
	g.names = append(g.names, name)
	g.needs = append(g.needs, nil)
	g.dependents = append(g.dependents, nil)
	return true
}

// Connect says that a node needs another one first. Saying it twice changes
// nothing. Both nodes must be there; a node that needs itself is a cycle.
func (g *Graph) Connect(name, need string) error {
	from, ok := g.index[name]
	if !ok {
		return &UnknownNodeError{Name: name}
	}
	to, ok := g.index[need]
	if !ok {
		return &UnknownNodeError{Name: need, NeededBy: name}
	}
	e := edge{from, to}
	if _, ok := g.edges[e]; ok {
		return nil
	}
	g.edges[e] = struct{}{}
	g.needs[from] = append(g.needs[from], to)
	g.dependents[to] = append(g.dependents[to], from)
	return nil
}

// Len is the number of nodes.
func (g *Graph) Len() int { return len(g.names) }

// Has reports whether there is a node of that name.
func (g *Graph) Has(name string) bool {
	_, ok := g.index[name]
	return ok
}

// Needs are the nodes that one needs directly, in the order in which they were
// connected.
func (g *Graph) Needs(name string) []string { return g.neighbours(name, g.needs) }

// Dependents are the nodes that need one directly, in the order in which they
// were connected.
func (g *Graph) Dependents(name string) []string { return g.neighbours(name, g.dependents) }

func (g *Graph) neighbours(name string, of [][]int) []string {
	i, ok := g.index[name]
	if !ok {
		return nil
	}
	out := make([]string, len(of[i]))
	for k, j := range of[i] {
		out[k] = g.names[j]
	}
	return out
}

// UnknownNodeError is returned by Connect.
type UnknownNodeError struct {
	Name     string
	NeededBy string // empty when the dependent itself is not there
}

// Error names the node.
func (e *UnknownNodeError) Error() string {
	if e.NeededBy == "" {
		return fmt.Sprintf("connect %q: no such node", e.Name)
	}
	return fmt.Sprintf("connect %q to %q: no node %q", e.NeededBy, e.Name, e.Name)
}

// CycleError says that some nodes wait for each other.
type CycleError struct {
	// Cycle is a path in which each node needs the next; the last is the first
	// again.
	Cycle []string
}

// Error shows the path.
func (e *CycleError) Error() string {
	return "cycle: " + strings.Join(e.Cycle, " needs ")
}

// Cycle is a path in which each node needs the next and the last is the first
// again, or nil when there is none.
func (g *Graph) Cycle() []string {
	order, waiting := g.sort()
	if len(order) == len(g.names) {
		return nil
	}
	return g.cycleAmong(waiting)
}

// Order lists the nodes so that each comes after all that it needs. It returns
// a *CycleError when that is impossible.
func (g *Graph) Order() ([]string, error) {
	order, waiting := g.sort()
	if len(order) < len(g.names) {
		return nil, &CycleError{Cycle: g.cycleAmong(waiting)}
	}
	out := make([]string, len(order))
	for k, i := range order {
		out[k] = g.names[i]
	}
	return out, nil
}

// sort is Kahn's algorithm. The nodes that it could not place still wait for
// something: their count is above zero.
func (g *Graph) sort() (order, waiting []int) {
	order = make([]int, 0, len(g.names))
	waiting = make([]int, len(g.names))
	for i, needs := range g.needs {
		waiting[i] = len(needs)
		if len(needs) == 0 {
			order = append(order, i)
		}
	}
	for next := 0; next < len(order); next++ {
		for _, d := range g.dependents[order[next]] {
			if waiting[d]--; waiting[d] == 0 {
				order = append(order, d)
			}
		}
	}
	return order, waiting
}

// cycleAmong finds a cycle among the nodes that still wait. Each of them needs
// another one that waits too, so following such needs must come back to a node
// that was seen.
func (g *Graph) cycleAmong(waiting []int) []string {
	at := slices.IndexFunc(waiting, func(n int) bool { return n > 0 })
	if at < 0 {
		return nil
	}
	seen := make(map[int]int)
	var path []int
	for {
		if start, ok := seen[at]; ok {
			path = path[start:]
			break
		}
		seen[at] = len(path)
		path = append(path, at)
		k := slices.IndexFunc(g.needs[at], func(n int) bool { return waiting[n] > 0 })
		if k < 0 {
			return nil
		}
		at = g.needs[at][k]
	}
	first := slices.Index(path, slices.Min(path))
	out := make([]string, 0, len(path)+1)
	for k := range path {
		out = append(out, g.names[path[(first+k)%len(path)]])
	}
	return append(out, out[0])
}
