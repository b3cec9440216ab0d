package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const reference = "../../../../docs/rules.md"

func TestReferenceIsUpToDate(t *testing.T) {
	t.Parallel()
	want, err := render(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("docs/rules.md is stale; run go run ./plugins/policy/internal/rulesdoc docs/rules.md (-want +got):\n%s", diff)
	}
}

func TestRun(t *testing.T) {
	t.Parallel()
	if err := run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "one argument") {
		t.Errorf("without a file: %v", err)
	}
	path := filepath.Join(t.TempDir(), "rules.md")
	if err := run(t.Context(), []string{path}); err != nil {
		t.Fatal(err)
	}
	if data, err := os.ReadFile(path); err != nil || !strings.Contains(string(data), "### images_pinned") {
		t.Errorf("%d bytes written, %v", len(data), err)
	}
}
