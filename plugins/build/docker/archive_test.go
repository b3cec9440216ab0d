package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/build/workspace"
)

// names are the entries of the archive of a folder, sorted.
func names(t *testing.T, dir, dockerfile string) []string {
	t.Helper()
	tree, err := workspace.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	var b bytes.Buffer
	if err := archive(t.Context(), &b, tree, dockerfile); err != nil {
		t.Fatal(err)
	}
	var found []string
	for r := tar.NewReader(&b); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(found)
			return found
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" {
			t.Errorf("%s belongs to %d:%d %s", h.Name, h.Uid, h.Gid, h.Uname)
		}
		name := h.Name
		if h.Linkname != "" {
			name += " -> " + h.Linkname
		}
		found = append(found, name)
	}
}

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestArchiveHonoursDockerignore(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		ignore, dockerfile string
		want               []string
	}{
		"nothing":     {"", "Dockerfile", []string{".dockerignore", "Dockerfile", "a.txt", "d/", "d/b.txt", "d/deep/", "d/deep/c.txt", "d/keep.txt"}},
		"folder":      {"# comment\nd\n", "Dockerfile", []string{".dockerignore", "Dockerfile", "a.txt"}},
		"exception":   {"d\n!d/keep.txt\n", "Dockerfile", []string{".dockerignore", "Dockerfile", "a.txt", "d/keep.txt"}},
		"pattern":     {"**/*.txt\n", "Dockerfile", []string{".dockerignore", "Dockerfile", "d/", "d/deep/"}},
		"everything":  {"*\n", "Dockerfile", []string{".dockerignore", "Dockerfile"}},
		"dockerfile":  {"Dockerfile\n.dockerignore\nd\na.txt\n", "Dockerfile", []string{".dockerignore", "Dockerfile"}},
		"in a folder": {"*\n", "d/deep/c.txt", []string{".dockerignore", "d/deep/c.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := write(t, map[string]string{
				"Dockerfile": "FROM scratch", "a.txt": "a", "d/b.txt": "b", "d/keep.txt": "k", "d/deep/c.txt": "c", ".dockerignore": tc.ignore,
			})
			if diff := cmp.Diff(tc.want, names(t, dir, tc.dockerfile)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Links stay links: their targets are not read.
func TestArchiveDoesNotFollowLinks(t *testing.T) {
	t.Parallel()
	outside := write(t, map[string]string{"secret": "s"})
	dir := write(t, map[string]string{"Dockerfile": "FROM scratch"})
	for link, target := range map[string]string{"file": filepath.Join(outside, "secret"), "folder": outside} {
		if err := os.Symlink(target, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{"Dockerfile", "file -> " + outside + "/secret", "folder -> " + outside}
	if diff := cmp.Diff(want, names(t, dir, "Dockerfile")); diff != "" {
		t.Error(diff)
	}
}

func TestArchiveRefuses(t *testing.T) {
	t.Parallel()
	for name, files := range map[string]map[string]string{
		"bad pattern": {".dockerignore": "a[\n", "a": ""},
	} {
		tree, err := workspace.Open(write(t, files))
		if err != nil {
			t.Fatal(err)
		}
		if err := archive(t.Context(), io.Discard, tree, "Dockerfile"); err == nil {
			t.Errorf("%s: no error", name)
		}
		_ = tree.Close()
	}
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stop)
	tree, err := workspace.Open(write(t, map[string]string{"a": ""}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tree.Close() }()
	if err := archive(ctx, io.Discard, tree, "Dockerfile"); !errors.Is(err, stop) {
		t.Errorf("error %v, want the cause", err)
	}
}
