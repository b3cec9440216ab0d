package pluginhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// place puts an empty executable into a folder.
func place(t *testing.T, dir, name string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSearchOrder(t *testing.T) {
	t.Parallel()
	store, runner, first, second := t.TempDir(), t.TempDir(), t.TempDir(), t.TempDir()
	o := Options{StoreDir: store, RunnerDir: runner, SearchPath: first + "::" + second}
	dirs, err := searchDirs(o)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{store, runner, first, second}, dirs); diff != "" {
		t.Error(diff)
	}
	for _, dir := range []string{second, first, runner, store} {
		want := place(t, dir, "runner-plugin-x")
		if got, err := locate("x", dirs); err != nil || got != want {
			t.Errorf("got %s, %v, want %s", got, err, want)
		}
	}
}

func TestRelativeSearchPathIsRefused(t *testing.T) {
	t.Parallel()
	for _, path := range []string{".", "plugins", "/usr/bin:bin", "./x"} {
		_, err := searchDirs(Options{SearchPath: path})
		if err == nil || !strings.Contains(err.Error(), "relative") || !strings.Contains(err.Error(), SearchPathVariable) {
			t.Errorf("%q: got %v", path, err)
		}
	}
}

// The working directory is never searched, whatever is there.
func TestWorkingDirectoryIsNotSearched(t *testing.T) {
	dir := t.TempDir()
	place(t, dir, "runner-plugin-x")
	t.Chdir(dir)
	h := newHost(t, options(t))
	_, _, err := h.Describe(t.Context(), "x")
	faulty(t, err, ClassMissing, "no runner-plugin-x in")
}

func TestMissingPlugin(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	place(t, dir, "runner-plugin-deploy")
	for name, want := range map[string][]string{
		"deplyo":     {dir, `did you mean "deploy"?`},
		"unrelated":  {dir, "install it there", SearchPathVariable},
		"../x":       {"not a plugin's name"},
		"":           {"not a plugin's name"},
		"a\x1b[31mb": {"not a plugin's name"},
	} {
		_, err := locate(name, []string{dir})
		for _, text := range want {
			faulty(t, err, ClassMissing, text)
		}
		if strings.ContainsRune(err.Error(), '\x1b') {
			t.Errorf("the message %q holds a control character", err)
		}
	}
	_, err := locate("x", nil)
	faulty(t, err, ClassMissing, "no folder")
}
