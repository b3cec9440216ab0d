package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// features is the table of what the language and its commands have.
const features = "docs/features.md"

// What the table of features says is so: the guide explains each, there is a
// case that is right and another that is wrong, and an example that has what the
// first column names. TestLinks holds the links to what is there.
func TestFeaturesAreShown(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`\]\(([^)]+)\)`)
	rows := 0
	for line := range strings.Lines(read(t, features).text) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		rows++
		if len(cells) != 5 {
			t.Errorf("this row has %d cells, not 5: %s", len(cells), line)
			continue
		}
		for i, want := range []string{1: ".md", 2: "/testdata/", 3: "/testdata/", 4: "../examples/"} {
			links := link.FindAllStringSubmatch(cells[i], -1)
			if want != "" && (len(links) == 0 || !strings.Contains(links[0][1], want)) {
				t.Errorf("cell %d of this row leads to no %s: %s", i+1, want, line)
			}
		}
		for _, m := range link.FindAllStringSubmatch(cells[4], -1) {
			example := words(t, filepath.Join(root, "docs", m[1]))
			for _, word := range codeIn(cells[0]) {
				if !strings.Contains(example, word) {
					t.Errorf("%s has no %s, which %s says that it shows", m[1], word, features)
				}
			}
		}
	}
	if rows < 30 {
		t.Errorf("the table has only %d rows", rows)
	}
}

// Every block and argument of the language is in an example that a test runs.
func TestEveryArgumentIsInAnExample(t *testing.T) {
	t.Parallel()
	examples := words(t, filepath.Join(root, "examples"))
	for _, shape := range []string{"pipelineShape", "variableShape", "stageShape", "retryShape", "notifyShape"} {
		for _, name := range argumentsOf(t, shape) {
			if !regexp.MustCompile(`(?m)^\s*(?:dynamic ")?` + name + `\b["\s]*[={"\w]`).MatchString(examples) {
				t.Errorf("no example has %s, an argument of %s", name, shape)
			}
		}
	}
}

func codeIn(cell string) (out []string) {
	for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(cell, -1) {
		out = append(out, m[1])
	}
	return out
}

// words is all that the pipelines and scripts below a folder say, and the names
// of these files.
func words(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".hcl" && d.Name() != "script.txtar" {
			return err
		}
		src, err := os.ReadFile(path)
		out.WriteString("\n" + d.Name() + "\n" + string(src))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}
