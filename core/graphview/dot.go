package graphview

import (
	"fmt"
	"strings"
)

// DOT is the graph in the language of Graphviz.
func (g Graph) DOT() string {
	var out strings.Builder
	fmt.Fprintf(&out, "digraph %s {\n  rankdir=LR;\n  label=%s;\n  labelloc=t;\n", dotText(g.Name), dotText(g.Name, g.Subtitle))
	out.WriteString("  fontname=\"Helvetica\";\n  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"Helvetica\", fontsize=12];\n  edge [color=\"#8c959f\", arrowsize=0.7];\n")
	root, _ := g.tree()
	clusters := 0
	g.dotGroup(&out, root, "  ", &clusters)
	for _, l := range g.links() {
		attributes := [...]string{Waits: " [style=dotted]", Needs: "", Governs: " [color=\"#8250df\", penwidth=2, tooltip=\"governs\"]"}[l.relation]
		fmt.Fprintf(&out, "  n%d -> n%d%s;\n", l.from, l.to, attributes)
	}
	out.WriteString("}\n")
	return out.String()
}

func (g Graph) dotGroup(out *strings.Builder, in *group, indent string, clusters *int) {
	for _, i := range in.nodes {
		n := g.Nodes[i]
		lines := []string{n.Label, n.Uses}
		if state := n.state(); state != "" {
			lines = append(lines, state)
		}
		shape := map[string]string{"policy": ", shape=hexagon", "deployer": ", shape=component"}[n.Kind]
		color := map[string]string{" good": "#1a7f37", " bad": "#d1242f", " warn": "#9a6700"}[statusClass(n.Status)]
		if color != "" {
			color = fmt.Sprintf(", color=%s, penwidth=2", dotText(color))
		}
		fmt.Fprintf(out, "%sn%d [label=%s, tooltip=%s%s%s];\n", indent, i, dotText(lines...), dotText(n.about()...), shape, color)
	}
	for _, child := range in.children {
		fmt.Fprintf(out, "%ssubgraph cluster_%d {\n%s  label=%s;\n%s  style=\"rounded,dashed\";\n", indent, *clusters, indent, dotText(child.label), indent)
		*clusters++
		g.dotGroup(out, child, indent+"  ", clusters)
		out.WriteString(indent + "}\n")
	}
}

// dotText is a quoted text of lines. A backslash would begin an escape, and an
// ampersand an entity.
func dotText(lines ...string) string {
	replace := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "&", "&amp;")
	var out []string
	for _, line := range lines {
		if line = clean(line); line != "" {
			out = append(out, replace.Replace(line))
		}
	}
	return `"` + strings.Join(out, `\n`) + `"`
}
