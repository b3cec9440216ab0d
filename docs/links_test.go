package docs_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// A link within the repository leads to a file that is there, and to a heading
// that it has.
func TestLinks(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.prose(), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			path, anchor, _ := strings.Cut(m[1], "#")
			target := p.name
			if path != "" {
				target = filepath.Join(filepath.Dir(p.name), path)
			}
			if _, err := os.Stat(filepath.Join(root, target)); err != nil {
				t.Errorf("%s links to %s: %v", p.name, m[1], err)
				continue
			}
			if anchor != "" && !read(t, target).anchors()[anchor] {
				t.Errorf("%s links to %s, which has no such heading", p.name, m[1])
			}
		}
	}
}

// A decision record that is named by its number is the one that the link leads to.
func TestDecisionsAreNamedByTheirNumbers(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\[(?:adr/(\d{4})|(\d+)\. [^\]]*)\]\((?:[^)\s]*/)?(\d{4})-[^)\s]+\)`)
	found := 0
	for _, p := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(p.prose(), -1) {
			found++
			if number := strings.Repeat("0", max(0, 4-len(m[1]+m[2]))) + m[1] + m[2]; number != m[3] {
				t.Errorf("%s calls decision %s %s", p.name, m[3], number)
			}
		}
	}
	if found == 0 {
		t.Error("no page names a decision")
	}
}
