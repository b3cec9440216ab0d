package secret_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/secret"
)

// place is a folder for secrets.
type place string

func newPlace(t *testing.T) place { return place(t.TempDir()) }

func (p place) path(name string) string { return filepath.Join(string(p), name) }

func (p place) file(t *testing.T, name, content string, mode os.FileMode) string {
	t.Helper()
	if err := os.WriteFile(p.path(name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(p.path(name), mode); err != nil {
		t.Fatal(err)
	}
	return p.path(name)
}

// noEnv is the environment of a runner without variables.
func noEnv(string) (string, bool) { return "", false }

// outcome is what a source has to come to: a value, or an error that holds
// words and never the canary.
type outcome struct {
	from      secret.Source
	want, err string
}

func resolveAll(t *testing.T, tests map[string]outcome, env func(string) (string, bool)) {
	t.Helper()
	sources := make(map[string]secret.Source)
	for name, tt := range tests {
		sources[name] = tt.from
	}
	masks := redact.New()
	r := secret.NewResolver(secret.Options{Sources: sources, LookupEnv: env, Masks: masks})
	for name, tt := range tests {
		got, err := r.Resolve(t.Context(), name)
		switch {
		case tt.err == "" && (err != nil || string(got) != tt.want):
			t.Errorf("%s: got %q, %v", name, got, err)
		case tt.err == "" && len(tt.want) >= redact.MinLength && masks.Text(tt.want) != redact.Mask:
			t.Errorf("%s: the value is not masked", name)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: got error %v, want %q", name, err, tt.err)
		case err != nil && strings.Contains(strings.ToLower(err.Error()), "canary"):
			t.Errorf("%s: the error shows the value: %v", name, err)
		case err != nil && !strings.Contains(err.Error(), `"`+name+`"`):
			t.Errorf("%s: the error does not name the secret: %v", name, err)
		}
	}
	if _, err := r.Resolve(t.Context(), "other"); !errors.Is(err, secret.ErrUnknown) {
		t.Errorf("a name that nobody has configured: %v", err)
	}
}

func TestEnvironmentAndFiles(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	vars := map[string]string{"SET": "from the environment\n", "NOTHING": "", "NUL": "canary\x00canary", "LATIN1": "canary\xe9"}
	if err := syscall.Mkfifo(p.path("pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	resolveAll(t, map[string]outcome{
		"env":        {from: secret.Source{Env: "SET"}, want: "from the environment\n"},
		"unset":      {from: secret.Source{Env: "UNSET"}, err: "the variable UNSET is not set"},
		"nothing":    {from: secret.Source{Env: "NOTHING"}, err: "empty"},
		"nul":        {from: secret.Source{Env: "NUL"}, err: "base64"},
		"latin1":     {from: secret.Source{Env: "LATIN1"}, err: "UTF-8"},
		"file":       {from: secret.Source{File: p.file(t, "good", "from a file\n\n", 0o600)}, want: "from a file\n"},
		"from dos":   {from: secret.Source{File: p.file(t, "dos", "from a file\r\n", 0o400)}, want: "from a file"},
		"open":       {from: secret.Source{File: p.file(t, "open", "canary", 0o644)}, err: "chmod 600"},
		"empty":      {from: secret.Source{File: p.file(t, "empty", "\n", 0o600)}, err: "empty"},
		"large":      {from: secret.Source{File: p.file(t, "large", strings.Repeat("x", 65<<10), 0o600)}, err: "more than"},
		"missing":    {from: secret.Source{File: p.path("missing")}, err: "does not exist"},
		"folder":     {from: secret.Source{File: string(p)}, err: "not a regular file"},
		"named pipe": {from: secret.Source{File: p.path("pipe")}, err: "not a regular file"},
	}, func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
}

func TestResolveEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	cancel(gone)
	if _, err := secret.NewResolver(secret.Options{}).Resolve(ctx, "x"); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
}

// In one run a secret has one value, and is looked up once, however many ask.
func TestLookedUpOnce(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	r := secret.NewResolver(secret.Options{
		Sources: map[string]secret.Source{"token": {Command: &secret.Command{
			Args: []string{"sh", "-c", `echo once >>"$1"; echo the-token-value`, "sh", p.path("count")},
		}}},
		LookupEnv: noEnv, Masks: redact.New(),
	})
	var asking sync.WaitGroup
	for range 20 {
		asking.Go(func() {
			got, err := r.Resolve(t.Context(), "token")
			if err != nil || string(got) != "the-token-value" {
				t.Errorf("got %q, %v", got, err)
			}
			clear(got) // nobody else's
		})
	}
	asking.Wait()
	if count, err := os.ReadFile(p.path("count")); err != nil || string(count) != "once\n" {
		t.Errorf("it ran %q times, %v", count, err)
	}
}
