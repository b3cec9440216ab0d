package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// root is the repository, seen from this folder.
const root = ".."

// page is one document of the guide.
type page struct {
	name string // within the repository
	text string
}

// fence is a block of code.
type fence struct {
	info string // what follows the back quotes
	code string
	line int
}

// pages are all documents that a user reads first.
func pages(t *testing.T) []page {
	t.Helper()
	var out []page
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/adr/*.md", "examples/*/*/README.md"} {
		names, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			src, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			within, err := filepath.Rel(root, name)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, page{within, string(src)})
		}
	}
	if len(out) < 5 {
		t.Fatalf("only %d pages were found", len(out))
	}
	return out
}

// read is one page.
func read(t *testing.T, name string) page {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(root, name))
	if err != nil {
		t.Fatal(err)
	}
	return page{name, string(src)}
}

// fences are the blocks of code of a page.
func (p page) fences() []fence {
	var out []fence
	var open *fence
	for i, line := range strings.Split(p.text, "\n") {
		info, isFence := strings.CutPrefix(line, "```")
		switch {
		case isFence && open == nil:
			open = &fence{info: info, line: i + 2}
		case isFence:
			out = append(out, *open)
			open = nil
		case open != nil:
			open.code += line + "\n"
		}
	}
	return out
}

// prose is the page without its blocks of code.
func (p page) prose() string {
	for _, f := range p.fences() {
		p.text = strings.Replace(p.text, f.code, "", 1)
	}
	return p.text
}

// anchors are what links to the page may name.
func (p page) anchors() map[string]bool {
	heading := regexp.MustCompile(`(?m)^#+ (.+)$`)
	dropped := regexp.MustCompile(`[^\p{L}\p{N} _-]`)
	out := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(p.prose(), -1) {
		out[strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")] = true
	}
	for _, m := range regexp.MustCompile(`<a (?:id|name)="([^"]+)"`).FindAllStringSubmatch(p.text, -1) {
		out[m[1]] = true
	}
	return out
}

// column is the code in the first cells of a table: of the rows between a
// heading and the next one.
func (p page) column(t *testing.T, heading string, cell int) []string {
	t.Helper()
	_, rest, ok := strings.Cut(p.text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("%s has no heading %q", p.name, heading)
	}
	rest, _, _ = strings.Cut(rest, "\n#")
	var out []string
	for line := range strings.Lines(rest) {
		cells := strings.Split(line, "|")
		if len(cells) < cell+2 {
			continue
		}
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cells[cell], -1) {
			out = append(out, m[1])
		}
	}
	return out
}
