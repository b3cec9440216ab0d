package inputs_test

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk/inputs"
)

func folder(t *testing.T, names ...string) *os.Root {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		full := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

func TestFind(t *testing.T) {
	t.Parallel()
	root := folder(t, "a.py", "src/b.py", "src/deep/c.py", "src/d.txt", ".git/config")
	for name, tc := range map[string]struct{ entries, want []string }{
		"file":      {[]string{"./a.py"}, []string{"a.py"}},
		"folder":    {[]string{"src"}, []string{"src/b.py", "src/d.txt", "src/deep/c.py"}},
		"pattern":   {[]string{"**/*.py"}, []string{"a.py", "src/b.py", "src/deep/c.py"}},
		"exception": {[]string{"src", "!src/deep", "!**/*.txt"}, []string{"src/b.py"}},
		"all":       {[]string{"."}, []string{"a.py", "src/b.py", "src/d.txt", "src/deep/c.py"}},
	} {
		got, err := inputs.Find(t.Context(), root, tc.entries, nil)
		if diff := cmp.Diff(tc.want, slices.Sorted(maps.Keys(got))); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
	}
}

func TestFindRefuses(t *testing.T) {
	t.Parallel()
	root := folder(t, "a.py")
	if err := os.Symlink("/etc", filepath.Join(root.Name(), "out")); err != nil {
		t.Fatal(err)
	}
	for entry, want := range map[string]string{
		"b.py": "no such file", "*.txt": "matches no file", "../a.py": "not a name within", "/etc/passwd": "not a name within",
		"a[": "not a pattern", "out": "leads out", "": "not a name",
	} {
		if _, err := inputs.Find(t.Context(), root, []string{entry}, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", entry, err, want)
		}
	}
}

// What is known to come, such as the files of an earlier stage, is no mistake.
func TestFindAlso(t *testing.T) {
	t.Parallel()
	got, err := inputs.Find(t.Context(), folder(t), []string{"out/*.bin", "!out/b.bin"}, func(string) []string { return []string{"out/a.bin", "out/b.bin"} })
	if diff := cmp.Diff([]string{"out/a.bin"}, slices.Sorted(maps.Keys(got))); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}
