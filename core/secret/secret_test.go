package secret_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/secret"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	env := func(name string) (string, bool) { return "from the environment", name == "SET" }
	r := secret.NewResolver(map[string]secret.Source{
		"env":     {Env: "SET"},
		"unset":   {Env: "UNSET"},
		"file":    {File: file("good", "from a file\n", 0o600)},
		"open":    {File: file("open", "canary", 0o644)},
		"empty":   {File: file("empty", "\n", 0o600)},
		"large":   {File: file("large", strings.Repeat("x", 65<<10), 0o600)},
		"missing": {File: filepath.Join(dir, "missing")},
	}, env)
	tests := map[string]struct{ want, err string }{
		"env":     {want: "from the environment"},
		"file":    {want: "from a file"},
		"unset":   {err: "the variable UNSET is not set"},
		"open":    {err: "chmod 600"},
		"empty":   {err: "empty"},
		"large":   {err: "more than"},
		"missing": {err: "does not exist"},
		"other":   {err: `no secret "other"`},
	}
	for name, tt := range tests {
		got, err := r.Resolve(t.Context(), name)
		switch {
		case tt.err == "" && (err != nil || string(got) != tt.want):
			t.Errorf("%s: got %q, %v", name, got, err)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: got error %v, want %q", name, err, tt.err)
		case err != nil && strings.Contains(err.Error(), "canary"):
			t.Errorf("%s: the error shows the value", name)
		}
	}
}

func TestResolveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if _, err := secret.NewResolver(nil, nil).Resolve(ctx, "x"); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}
