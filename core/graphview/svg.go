package graphview

import (
	"encoding/xml"
	"fmt"
	"strconv"
	"strings"
)

// Measures of the picture.
const (
	margin    = 24.0
	headSize  = 18.0
	labelSize = 14.0
	smallSize = 11.5
	iconSize  = 16.0
	inset     = 12.0 // within a node
	textLeft  = inset + iconSize + 9
	minNode   = 130.0
	maxNode   = 300.0
	minGap    = 52.0 // between columns
	maxGap    = 150.0
)

// canvas is a picture in the making.
type canvas struct {
	Graph
	*layout
	out        strings.Builder
	left       []float64 // of each column
	width      []float64
	top        float64 // where the graph begins
	nodeHeight float64
}

// SVG is the graph as a picture that needs nothing else: no script, no font, no
// file. It follows the reader's light or dark setting.
func (g Graph) SVG() string {
	c := &canvas{Graph: g, nodeHeight: 46, top: margin + 58}
	for _, n := range g.Nodes {
		if n.Status != "" {
			c.nodeHeight = 64
		}
	}
	c.layout = arrange(g, c.nodeHeight)
	boxes := c.place()
	width := c.measure(boxes)
	bottom := c.top
	for _, v := range c.vertices {
		bottom = max(bottom, c.top+v.y+v.height/2)
	}
	for _, b := range boxes {
		bottom = max(bottom, c.top+b.bottom)
	}
	legend, legendWidth := c.legend(bottom + 34)
	width = max(width, legendWidth, margin*2+widthOf(clean(g.Name), headSize, true), margin*2+widthOf(clean(g.Subtitle), labelSize, false))
	c.head(width, bottom+34+iconSize+margin)
	for _, b := range boxes {
		c.box(b)
	}
	for relation := Waits; relation <= Governs; relation++ {
		for _, p := range c.paths {
			if p.relation == relation {
				c.edge(p)
			}
		}
	}
	for i := range c.Nodes {
		c.node(i)
	}
	c.out.WriteString(legend)
	c.out.WriteString("</svg>\n")
	return c.out.String()
}

// measure gives the columns their places, and returns the width of all.
func (c *canvas) measure(boxes []box) float64 {
	c.left, c.width = make([]float64, c.columns), make([]float64, c.columns)
	crowd := make([]int, c.columns+1) // lines behind each column
	for _, v := range c.vertices {
		crowd[v.column] += len(v.right)
		if v.node < 0 {
			continue
		}
		n := c.Nodes[v.node]
		wide := max(widthOf(clean(n.Label), labelSize, true), widthOf(clean(n.Uses), smallSize, false), widthOf(n.state(), smallSize, false))
		if n.Kind == "deployer" {
			wide += iconSize
		}
		c.width[v.column] = max(c.width[v.column], minNode, min(textLeft+wide+inset+1, maxNode))
	}
	deepest := 0
	for _, b := range boxes {
		deepest = max(deepest, b.depth)
	}
	sides := 2 * boxSide * float64(deepest)
	at := margin + sides/2
	for i := range c.columns {
		c.left[i] = at
		at += c.width[i] + sides + min(minGap+float64(crowd[i])*1.5, maxGap)
		if i == c.columns-1 {
			return c.left[i] + c.width[i] + sides/2 + margin
		}
	}
	return 2 * margin
}

func (c *canvas) head(width, height float64) {
	title := clean(c.Name)
	fmt.Fprintf(&c.out, `<svg xmlns="http://www.w3.org/2000/svg" width="%s" height="%s" viewBox="0 0 %s %s" role="img" aria-labelledby="sg-title sg-desc">`+"\n",
		num(width), num(height), num(width), num(height))
	fmt.Fprintf(&c.out, "<title id=\"sg-title\">%s</title>\n<desc id=\"sg-desc\">%s</desc>\n", escape(title), escape(c.describe()))
	c.out.WriteString(style + icons)
	fmt.Fprintf(&c.out, `<rect class="page" width="%s" height="%s" rx="8"/>`+"\n", num(width), num(height))
	c.text("head", margin, margin+16, title)
	c.text("sub", margin, margin+38, clean(c.Subtitle))
}

// describe is the graph for those who do not see it.
func (c *canvas) describe() string {
	const most = 200
	var out strings.Builder
	out.WriteString(clean(c.Subtitle))
	lines := c.lines()
	for i, line := range lines {
		if i == most {
			fmt.Fprintf(&out, "\nand %d more", len(lines)-most)
			break
		}
		out.WriteString("\n" + strings.Join(line, " "))
	}
	return out.String()
}

func (c *canvas) box(b box) {
	side := boxSide * float64(b.height())
	left, right := c.left[b.first]-side, c.left[b.last]+c.width[b.last]+side
	fmt.Fprintf(&c.out, `<g><title>%s</title><rect class="box" x="%s" y="%s" width="%s" height="%s" rx="10"/>`,
		escape(clean(b.label)), num(left), num(c.top+b.top), num(right-left), num(b.bottom-b.top))
	c.text("group", left+12, c.top+b.top+19, fit(clean(b.label), smallSize, true, right-left-24))
	c.out.WriteString("</g>\n")
}

// height is how many groups are in each other here, this one included.
func (g *group) height() int {
	most := 0
	for _, child := range g.children {
		most = max(most, child.height())
	}
	return most + 1
}

// edge draws a curve through the bends, flat where it passes a column.
func (c *canvas) edge(p pathOf) {
	var d strings.Builder
	for k := 1; k < len(p.vertices); k++ {
		a, b := c.vertices[p.vertices[k-1]], c.vertices[p.vertices[k]]
		x1, x2 := c.left[a.column]+c.width[a.column], c.left[b.column]
		if b.node >= 0 {
			x2 -= 5 // the tip of the arrow
		}
		y1, y2 := c.top+a.y, c.top+b.y
		if k == 1 {
			fmt.Fprintf(&d, "M%s %s", num(x1), num(y1))
		} else {
			fmt.Fprintf(&d, "H%s", num(x1))
		}
		if num(y1) == num(y2) {
			fmt.Fprintf(&d, "H%s", num(x2))
		} else {
			middle := num((x1 + x2) / 2)
			fmt.Fprintf(&d, "C%s %s %s %s %s %s", middle, num(y1), middle, num(y2), num(x2), num(y2))
		}
	}
	class := [...]string{Waits: "waits", Needs: "needs", Governs: "governs"}[p.relation]
	fmt.Fprintf(&c.out, `<path class="edge %s" d="%s" marker-end="url(#sg-%s)"/>`+"\n", class, d.String(), class)
}

func (c *canvas) node(i int) {
	n, v := c.Nodes[i], c.vertices[i]
	x, y, wide := c.left[v.column], c.top+v.y-v.height/2, c.width[v.column]
	fmt.Fprintf(&c.out, `<g class="node %s%s" transform="translate(%s %s)"><title>%s</title>`,
		kindClass(n.Kind), statusClass(n.Status), num(x), num(y), escape(strings.Join(n.about(), "\n")))
	fmt.Fprintf(&c.out, `<rect class="card" width="%s" height="%s" rx="8"/>`, num(wide), num(v.height))
	fmt.Fprintf(&c.out, `<use href="#sg-%s" x="%s" y="9" width="%s" height="%s"/>`, kindClass(n.Kind), num(inset), num(iconSize), num(iconSize))
	room := wide - textLeft - inset
	if n.Kind == "deployer" {
		room -= iconSize
		fmt.Fprintf(&c.out, `<use class="gate" href="#sg-policy" x="%s" y="9" width="14" height="14"/>`, num(wide-inset-12))
	}
	c.text("label", textLeft, 21, fit(clean(n.Label), labelSize, true, room))
	c.text("uses", textLeft, 37, fit(clean(n.Uses), smallSize, false, wide-textLeft-inset))
	if state := n.state(); state != "" {
		c.text("state", textLeft, 54, fit(state, smallSize, false, wide-textLeft-inset))
	}
	c.out.WriteString("</g>\n")
}

// state is what became of the stage, in words and with a sign: colour alone
// says nothing to many.
func (n Node) state() string {
	if n.Status == "" {
		return ""
	}
	return strings.TrimSpace(sign(n.Status) + " " + clean(n.Status) + "  " + clean(n.Took))
}

// about is all there is to say about a stage.
func (n Node) about() []string {
	out := []string{clean(n.Name)}
	for _, line := range append([]string{n.Uses, n.state()}, n.Notes...) {
		if line = clean(line); line != "" {
			out = append(out, line)
		}
	}
	return out
}

func (c *canvas) text(class string, x, y float64, text string) {
	if text != "" {
		fmt.Fprintf(&c.out, `<text class="%s" x="%s" y="%s">%s</text>`, class, num(x), num(y), escape(text))
	}
}

// escape makes text harmless between tags and in attributes.
func escape(text string) string {
	var out strings.Builder
	_ = xml.EscapeText(&out, []byte(text)) // a strings.Builder never fails
	return out.String()
}

// num is a number with one digit after the point, where it has one.
func num(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}
