package graphview

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Text has a line for each stage, each after all that it comes after.
func (g Graph) Text() string {
	var out strings.Builder
	fmt.Fprintf(&out, "%s: %s\n\n", clean(g.Name), clean(g.Subtitle))
	t := tabwriter.NewWriter(&out, 0, 0, 2, ' ', 0)
	for _, line := range g.lines() {
		fmt.Fprintln(t, strings.Join(line, "\t"))
	}
	_ = t.Flush() // a strings.Builder never fails
	lines := strings.Split(out.String(), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(line, " ")
	}
	return strings.Join(lines, "\n")
}

// lines are the cells of each stage's line: state, name, component, relations.
func (g Graph) lines() [][]string {
	links := g.links()
	relations := make([][3][]string, len(g.Nodes))
	for _, l := range links {
		relations[l.to][l.relation] = append(relations[l.to][l.relation], clean(g.Nodes[l.from].Name))
	}
	withState := false
	for _, n := range g.Nodes {
		withState = withState || n.Status != ""
	}
	var out [][]string
	for _, i := range g.inOrder(links) {
		n := g.Nodes[i]
		var cells, words []string
		if withState {
			cells = append(cells, n.state())
		}
		if names := relations[i][Needs]; len(names) > 0 {
			words = append(words, "needs "+strings.Join(names, ", "))
		}
		if names := relations[i][Waits]; len(names) > 0 {
			words = append(words, "waits for "+strings.Join(names, ", "))
		}
		if names := relations[i][Governs]; len(names) > 0 {
			words = append(words, "governed by "+strings.Join(names, ", "))
		}
		out = append(out, append(cells, clean(n.Name), clean(n.Uses), strings.Join(words, "; ")))
	}
	return out
}

// inOrder sorts the nodes by column, and keeps their order within one.
func (g Graph) inOrder(links []link) []int {
	column := columnsOf(len(g.Nodes), links)
	var byColumn [][]int
	for i, c := range column {
		for len(byColumn) <= c {
			byColumn = append(byColumn, nil)
		}
		byColumn[c] = append(byColumn[c], i)
	}
	var out []int
	for _, nodes := range byColumn {
		out = append(out, nodes...)
	}
	return out
}
