package graphview_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/graphview"
)

var update = flag.Bool("update", false, "rewrite the expected drawings")

func TestDrawings(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]graphview.Graph{"digits": digits(false), "run": digits(true), "modules": modules(), "empty": {Name: "empty"}} {
		for ending, draw := range map[string]func() string{"svg": g.SVG, "dot": g.DOT, "mmd": g.Mermaid, "txt": g.Text} {
			got := draw()
			if again := draw(); again != got {
				t.Errorf("%s.%s is drawn in two ways", name, ending)
			}
			path := "testdata/" + name + "." + ending
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("%s (-want +got), -update rewrites it:\n%s", path, diff)
			}
		}
	}
}

// hostile has names that are markup in one form or another.
func hostile() (graphview.Graph, []string) {
	names := []string{
		`train["a"]`, `</title><script>alert(1)</script>`, `"] --> x`, "a\nb", `\"; evil [label=x]; "`, `#quot;#34;`, "`md`", "&lt;b&gt;&amp;",
		`]]>`, `{{x}}`, `\N\G\n`, "end", "é中文", "\x1b[31m", "\u202eevil", "subgraph x", "%%{init}%%", "click n0 href", strings.Repeat("long", 100), "<!-- -->",
	}
	g := graphview.Graph{Name: names[1], Subtitle: names[4]}
	for i, name := range names {
		g.Nodes = append(g.Nodes, graphview.Node{
			Name: name, Label: name, Uses: name, Kind: name, Groups: []string{name}, Notes: []string{name}, Status: name, Took: name,
		})
		g.Edges = append(g.Edges, graphview.Edge{From: names[max(i-1, 0)], To: name, Relation: graphview.Needs}, graphview.Edge{From: "nobody", To: name})
	}
	return g, names
}

// elements are the names of the elements of a picture, and the texts in them.
func elements(t *testing.T, svg string) (names, texts []string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return names, texts
		}
		if err != nil {
			t.Fatalf("not XML: %v", err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			names = append(names, token.Name.Local)
			for _, a := range token.Attr {
				if strings.HasPrefix(a.Name.Local, "on") || a.Name.Local == "href" && !strings.HasPrefix(a.Value, "#sg-") {
					t.Errorf("%s has %s=%q", token.Name.Local, a.Name.Local, a.Value)
				}
			}
		case xml.CharData:
			texts = append(texts, string(token))
		}
	}
}

func TestHostileNamesAreOnlyText(t *testing.T) {
	t.Parallel()
	g, names := hostile()
	tags, texts := elements(t, g.SVG())
	for _, tag := range tags {
		if !slices.Contains([]string{"svg", "title", "desc", "style", "defs", "symbol", "marker", "path", "circle", "rect", "g", "use", "text"}, tag) {
			t.Errorf("there is an element %s", tag)
		}
	}
	if all := strings.Join(texts, "\n"); strings.ContainsAny(all, "\x1b\u202e") || !strings.Contains(all, names[0]) || !strings.Contains(all, names[1]) {
		t.Error("names are lost, or steer")
	}
	// Each line of Mermaid is one statement of a known form.
	statement := regexp.MustCompile(`^(?:flowchart LR|---|title: "(?:[^"\\]|\\.)*"| *n\d+(?:\["|\{\{"|\(\[")[^"` + "`" + `<>\[\](){}%]*(?:<br/>[^"` + "`" + `<>\[\](){}%]*)*(?:"\]|"\}\}|"\]\))| *subgraph g\d+\["[^"` + "`" + `<>\[\](){}%]*"\]| *end|  n\d+ (?:-->|-\.->|==>\|governs\|) n\d+|  class.*)$`)
	for line := range strings.Lines(g.Mermaid()) {
		if !statement.MatchString(strings.TrimSuffix(line, "\n")) {
			t.Errorf("Mermaid has a line %q", line)
		}
	}
	if got := g.Mermaid(); !strings.Contains(got, `n0["train#91;#34;a#34;#93;<br/>`) {
		t.Errorf("an instance is written otherwise:\n%s", got)
	}
	if strings.ContainsAny(g.Text(), "\x1b\u202e") {
		t.Error("a name steers the terminal")
	}
}

// Graphviz itself reads what is for it, and sees as many nodes and names.
func TestGraphvizReadsIt(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("dot"); err != nil {
		t.Skip("Graphviz is not installed")
	}
	bad, names := hostile()
	for name, g := range map[string]graphview.Graph{"digits": digits(true), "modules": modules(), "hostile": bad} {
		cmd := exec.CommandContext(t.Context(), "dot", "-Tsvg")
		cmd.Stdin = strings.NewReader(g.DOT())
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); err != nil || stderr.Len() > 0 && name != "hostile" {
			t.Fatalf("%s: %v\n%s\n%s", name, err, stderr.Bytes(), g.DOT())
		}
		if n := strings.Count(stdout.String(), `class="node"`); n != len(g.Nodes) {
			t.Errorf("%s: Graphviz sees %d nodes of %d", name, n, len(g.Nodes))
		}
		if name != "hostile" {
			continue
		}
		var text strings.Builder
		decoder := xml.NewDecoder(&stdout)
		decoder.Strict, decoder.Entity = false, xml.HTMLEntity
		for {
			token, err := decoder.Token()
			if err != nil {
				break
			}
			if data, ok := token.(xml.CharData); ok {
				text.WriteString(strings.ReplaceAll(string(data), "\u00a0", " ") + "\n")
			}
		}
		for _, want := range []string{names[0], names[1], names[4], names[5], names[7], names[10]} {
			if !strings.Contains(text.String(), want+"\n") {
				t.Errorf("Graphviz does not show %q", want)
			}
		}
	}
}

type rect struct{ x, y, w, h float64 }

// cards are the places of the nodes, from the picture itself.
func cards(t *testing.T, svg string) []rect {
	t.Helper()
	var out []rect
	pattern := regexp.MustCompile(`<g class="node [^"]*" transform="translate\(([0-9.]+) ([0-9.]+)\)">.*?<rect class="card" width="([0-9.]+)" height="([0-9.]+)"`)
	for _, m := range pattern.FindAllStringSubmatch(svg, -1) {
		var v [4]float64
		for i := range v {
			number, err := strconv.ParseFloat(m[i+1], 64)
			if err != nil {
				t.Fatal(err)
			}
			v[i] = number
		}
		out = append(out, rect{v[0], v[1], v[2], v[3]})
	}
	return out
}

func TestNothingOverlaps(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]graphview.Graph{
		"digits": digits(true), "modules": modules(), "random": random(200, 1), "large": random(1000, 2),
	} {
		svg := g.SVG()
		all := cards(t, svg)
		if len(all) != len(g.Nodes) {
			t.Fatalf("%s: %d cards for %d stages", name, len(all), len(g.Nodes))
		}
		var width, height float64
		if _, err := fmt.Sscanf(svg, `<svg xmlns="http://www.w3.org/2000/svg" width="%f" height="%f"`, &width, &height); err != nil {
			t.Fatal(err)
		}
		place := make(map[string]rect)
		for i, a := range all {
			place[g.Nodes[i].Name] = a
			if a.x < 0 || a.y < 0 || a.x+a.w > width || a.y+a.h > height {
				t.Errorf("%s: %s leaves the picture", name, g.Nodes[i].Name)
			}
			for j, b := range all[:i] {
				if a.x < b.x+b.w && b.x < a.x+a.w && a.y < b.y+b.h && b.y < a.y+a.h {
					t.Errorf("%s: %s covers %s", name, g.Nodes[i].Name, g.Nodes[j].Name)
				}
			}
		}
		for _, e := range g.Edges {
			if from, to := place[e.From], place[e.To]; e.From != e.To && from.x+from.w >= to.x {
				t.Errorf("%s: the line from %s to %s does not go to the right", name, e.From, e.To)
			}
		}
	}
}

// Each module's box holds its stages and no others.
func TestModulesAreApart(t *testing.T) {
	t.Parallel()
	g := modules()
	svg := g.SVG()
	all := cards(t, svg)
	pattern := regexp.MustCompile(`<g><title>([^<]*)</title><rect class="box" x="([0-9.]+)" y="([0-9.]+)" width="([0-9.]+)" height="([0-9.]+)"`)
	boxes := pattern.FindAllStringSubmatch(svg, -1)
	if len(boxes) != 4 {
		t.Fatalf("there are %d boxes", len(boxes))
	}
	inside := make([][]string, len(boxes))
	for b, m := range boxes {
		var v [4]float64
		for i := range v {
			v[i], _ = strconv.ParseFloat(m[i+2], 64)
		}
		for i, c := range all {
			switch {
			case c.x > v[0] && c.y > v[1] && c.x+c.w < v[0]+v[2] && c.y+c.h < v[1]+v[3]:
				inside[b] = append(inside[b], g.Nodes[i].Name)
			case c.x < v[0]+v[2] && v[0] < c.x+c.w && c.y < v[1]+v[3] && v[1] < c.y+c.h:
				t.Errorf("%s is on the border of %s", g.Nodes[i].Name, m[1])
			}
		}
	}
	prefixes := []string{"module.staging.", "module.staging.module.canary.", "module.production.", "module.production.module.canary."}
	for b, prefix := range prefixes {
		var want []string
		for _, n := range g.Nodes {
			if strings.HasPrefix(n.Name, prefix) {
				want = append(want, n.Name)
			}
		}
		if diff := cmp.Diff(want, inside[b]); diff != "" {
			t.Errorf("%s: %s", prefix, diff)
		}
	}
}

// The largest pipeline there may be, and the one with the most needs, are
// drawn: were it quadratic in their lines, this would not end.
func TestLargeGraphs(t *testing.T) {
	t.Parallel()
	wide := graphview.Graph{Name: "wide"}
	for i := range 10_000 {
		name := strconv.Itoa(i)
		wide.Nodes = append(wide.Nodes, graphview.Node{Name: name, Label: name})
		wide.Edges = append(wide.Edges, graphview.Edge{From: "0", To: name, Relation: graphview.Needs})
	}
	dense := graphview.Graph{Name: "dense"}
	for i := range 500 {
		dense.Nodes = append(dense.Nodes, graphview.Node{Name: strconv.Itoa(i), Label: strconv.Itoa(i)})
		for j := range i {
			dense.Edges = append(dense.Edges, graphview.Edge{From: strconv.Itoa(j), To: strconv.Itoa(i), Relation: graphview.Needs})
		}
	}
	for _, g := range []graphview.Graph{wide, dense, random(10_000, 3)} {
		svg := g.SVG()
		if len(svg) > 16<<20 {
			t.Errorf("%s has %d bytes", g.Name, len(svg))
		}
		elements(t, svg)
	}
	// What follows from other needs is left out of a drawing that would be black.
	if n := strings.Count(dense.SVG(), `class="edge needs" d=`); n > 500 {
		t.Errorf("%d lines for a chain of 500", n)
	}
}

func BenchmarkSVG(b *testing.B) {
	g := random(1000, 2)
	for b.Loop() {
		g.SVG()
	}
}
