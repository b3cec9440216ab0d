package graphview

import (
	"fmt"
	"strings"
	"unicode"
)

// Mermaid is the graph as a Mermaid flowchart.
func (g Graph) Mermaid() string {
	var out strings.Builder
	fmt.Fprintf(&out, "---\ntitle: %s\n---\nflowchart LR\n", yamlText(g.Name+": "+g.Subtitle))
	root, _ := g.tree()
	groups := 0
	g.mermaidGroup(&out, root, "  ", &groups)
	for _, l := range g.links() {
		arrow := [...]string{Waits: "-.->", Needs: "-->", Governs: "==>|governs|"}[l.relation]
		fmt.Fprintf(&out, "  n%d %s n%d\n", l.from, arrow, l.to)
	}
	for _, status := range []struct{ class, color string }{{"good", "#1a7f37"}, {"bad", "#d1242f"}, {"warn", "#9a6700"}, {"idle", "#8c959f"}} {
		var nodes []string
		for i, n := range g.Nodes {
			if statusClass(n.Status) == " "+status.class {
				nodes = append(nodes, fmt.Sprintf("n%d", i))
			}
		}
		if len(nodes) > 0 {
			fmt.Fprintf(&out, "  classDef %s stroke:%s,stroke-width:2px\n  class %s %s\n", status.class, status.color, strings.Join(nodes, ","), status.class)
		}
	}
	return out.String()
}

func (g Graph) mermaidGroup(out *strings.Builder, in *group, indent string, groups *int) {
	for _, i := range in.nodes {
		n := g.Nodes[i]
		lines := []string{mermaidText(n.Label), mermaidText(n.Uses)}
		if state := n.state(); state != "" {
			lines = append(lines, mermaidText(state))
		}
		open, shut := `["`, `"]`
		switch n.Kind {
		case "policy":
			open, shut = `{{"`, `"}}`
		case "deployer":
			open, shut = `(["`, `"])`
		}
		fmt.Fprintf(out, "%sn%d%s%s%s\n", indent, i, open, strings.Join(lines, "<br/>"), shut)
	}
	for _, child := range in.children {
		fmt.Fprintf(out, "%ssubgraph g%d[\"%s\"]\n", indent, *groups, mermaidText(child.label))
		*groups++
		g.mermaidGroup(out, child, indent+"  ", groups)
		out.WriteString(indent + "end\n")
	}
}

// mermaidText writes everything but letters, digits and a few signs as the
// entity that Mermaid has for it: quotes end a text, and much else is markup.
func mermaidText(text string) string {
	var out strings.Builder
	for _, r := range clean(text) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" ._-:/✓✗–•", r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "#%d;", r)
		}
	}
	return out.String()
}

// yamlText is a text between double quotes.
func yamlText(text string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(clean(text)) + `"`
}
