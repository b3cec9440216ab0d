package workspace

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func open(t *testing.T, files ...string) *Tree {
	t.Helper()
	dir := t.TempDir()
	for _, name := range files {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tree.Close() })
	return tree
}

func TestClean(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"a":             "a",
		"a//b/./c":      "a/b/c",
		"a/../b":        "b",
		"/tree/a":       "a",
		"/tree/a/../b":  "b",
		"ünï/モデル":       "ünï/モデル",
		"..a":           "..a",
		"-rf":           "-rf",
		"$(touch x);`y": "$(touch x);`y",
	} {
		if got, err := Clean("/tree", name); err != nil || got != want {
			t.Errorf("Clean(%q) = %q, %v; want %q", name, got, err, want)
		}
	}
}

// The traversal corpus: every name that must not open anything.
func TestCleanRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"..", "../a", "a/../..", "a/../../b", "/etc/passwd", "/", "/tree/../etc", "/treetop/a", "./../x", "../tree/../x",
	} {
		if got, err := Clean("/tree", name); !errors.Is(err, ErrOutside) {
			t.Errorf("Clean(%q) = %q, %v; want ErrOutside", name, got, err)
		}
	}
	for _, name := range []string{"", "a\x00b", "a\nb", "a\x1b[2J", "\xff\xfe", strings.Repeat("a", 5000)} {
		if got, err := Clean("/tree", name); err == nil {
			t.Errorf("Clean(%q) = %q; want an error", name, got)
		}
	}
}

func TestFileStaysInside(t *testing.T) {
	t.Parallel()
	tree := open(t, "in/file")
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, target := range map[string]string{
		"absolute": outside, "relative": "../" + filepath.Base(filepath.Dir(outside)) + "/secret",
		"folder": filepath.Dir(outside), "up": "..", "fine": "in/file", "chain": "absolute",
	} {
		if err := os.Symlink(target, filepath.Join(tree.Path(), link)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"absolute", "relative", "folder/secret", "up/x", "chain"} {
		if _, _, err := tree.File(name); !errors.Is(err, ErrOutside) {
			t.Errorf("File(%q): %v, want ErrOutside", name, err)
		}
	}
	f, info, err := tree.File("fine")
	if err != nil || info.Size() != int64(len("in/file")) {
		t.Fatalf("a link within the tree is not followed: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
}

func TestFileIsRegular(t *testing.T) {
	t.Parallel()
	tree := open(t, "folder/file")
	if err := syscall.Mkfifo(filepath.Join(tree.Path(), "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"folder": "a folder", "pipe": "a named pipe", "nothing": "no such file",
	} {
		if _, _, err := tree.File(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("File(%q): %v, want %q", name, err, want)
		}
	}
}

func TestFolder(t *testing.T) {
	t.Parallel()
	tree := open(t, "a/b/file")
	sub, err := tree.Folder("a/b")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	if _, _, err := sub.File("../b/file"); !errors.Is(err, ErrOutside) {
		t.Errorf("a folder lets names out: %v", err)
	}
	made, err := tree.MakeFolder("x/y")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = made.Close() }()
	if want := filepath.Join(tree.Path(), "x/y"); made.Path() != want {
		t.Errorf("path %q, want %q", made.Path(), want)
	}
	if err := os.Symlink(t.TempDir(), filepath.Join(tree.Path(), "out")); err != nil {
		t.Fatal(err)
	}
	if _, err := tree.MakeFolder("out/x"); err == nil {
		t.Error("a folder was made outside, through a link")
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	tree := open(t, "b.txt", "a.txt", "out/m-2.safetensors", "out/m-1.safetensors", "out/deep/er/c.json", "out/c.json")
	for _, tc := range []struct {
		names, want []string
	}{
		{[]string{"b.txt", "a.txt", "a.txt"}, []string{"a.txt", "b.txt"}},
		{[]string{"out/*.safetensors"}, []string{"out/m-1.safetensors", "out/m-2.safetensors"}},
		{[]string{"out/**/*.json"}, []string{"out/c.json", "out/deep/er/c.json"}},
		{[]string{"**"}, []string{"a.txt", "b.txt", "out/c.json", "out/deep/er/c.json", "out/m-1.safetensors", "out/m-2.safetensors"}},
		{[]string{"out/deep/**/**/**/c.json"}, []string{"out/deep/er/c.json"}},
		{[]string{"[ab].txt"}, []string{"a.txt", "b.txt"}},
		{[]string{"not-there.txt"}, []string{"not-there.txt"}}, // found out when it is opened
	} {
		got, err := tree.Files(t.Context(), tc.names)
		if err != nil {
			t.Errorf("Files(%q): %v", tc.names, err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("Files(%q): %s", tc.names, diff)
		}
	}
	for _, pattern := range []string{"*.gguf", "nothing/*.txt"} {
		if _, err := tree.Files(t.Context(), []string{pattern}); !errors.Is(err, ErrNoMatch) {
			t.Errorf("Files(%q): %v, want ErrNoMatch", pattern, err)
		}
	}
	if _, err := tree.Files(t.Context(), []string{"a[.txt"}); err == nil {
		t.Error("a broken pattern is accepted")
	}
	if _, err := tree.Files(t.Context(), []string{"../*"}); !errors.Is(err, ErrOutside) {
		t.Errorf("a pattern looks outside: %v", err)
	}
}

// A hostile pattern must not take exponential time.
func TestMatchIsQuick(t *testing.T) {
	t.Parallel()
	pattern := strings.Split(strings.Repeat("**/a/", 200)+"z", "/")
	name := strings.Split(strings.Repeat("a/", 1500)+"b", "/")
	if match(pattern, name) {
		t.Error("it matches")
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"a", "../a", "/etc", "a/../../b", "a\x00", "..."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		clean, err := Clean("/tree", name)
		if err != nil {
			return
		}
		if !filepath.IsLocal(clean) || filepath.Clean(clean) != clean {
			t.Errorf("Clean(%q) = %q", name, clean)
		}
	})
}
