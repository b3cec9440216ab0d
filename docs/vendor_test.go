package docs_test

import (
	"path/filepath"
	"strings"
	"testing"
)

// What the vendors' guide shows of Go is in the example, to the letter.
func TestGoSnippetsAreTheExample(t *testing.T) {
	t.Parallel()
	var source strings.Builder
	files, err := filepath.Glob(filepath.Join(root, "examples/plugins/acme/*.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the example has no files: %v", err)
	}
	for _, file := range files {
		name, err := filepath.Rel(root, file)
		if err != nil {
			t.Fatal(err)
		}
		source.WriteString(read(t, name).text)
	}
	guide := read(t, "docs/plugins.md")
	for _, f := range guide.fences() {
		if f.info == "go" && !strings.Contains(source.String(), f.code) {
			t.Errorf("%s:%d shows Go that is not in the example:\n%s", guide.name, f.line, f.code)
		}
	}
}
