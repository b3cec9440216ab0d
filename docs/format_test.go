package docs_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/config/format"
)

// What people read and copy is in the form that `runner fmt` writes.
func TestHCLIsFormatted(t *testing.T) {
	t.Parallel()
	formatted := func(name string, src []byte) {
		want, diags := format.Source(name, src)
		report(t, diags, map[string][]byte{name: src})
		if diff := cmp.Diff(string(want), string(src)); diff != "" {
			t.Errorf("%s is not formatted (-want +got):\n%s", name, diff)
		}
	}
	for _, p := range pages(t) {
		for _, f := range p.fences() {
			if f.info == "hcl" || strings.HasPrefix(f.info, "hcl ") {
				formatted(p.name, []byte(f.code))
			}
		}
	}
	for _, dir := range []string{"examples", "plugins"} {
		files := 0
		err := filepath.WalkDir(filepath.Join(root, dir), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || filepath.Ext(path) != ".hcl" {
				return err
			}
			src, err := os.ReadFile(path)
			files++
			formatted(path, src)
			return err
		})
		if err != nil || files == 0 {
			t.Errorf("%s has no .hcl files: %v", dir, err)
		}
	}
}
