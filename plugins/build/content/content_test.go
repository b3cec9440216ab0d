package content

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
)

func open(t *testing.T, content string) (*Content, string) {
	t.Helper()
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	if err := os.WriteFile(name, []byte(content), 0o700); err != nil {
		t.Fatal(err)
	}
	tree, err := workspace.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := OpenFile(tree, "file")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = errors.Join(c.Close(), tree.Close()) })
	return c, name
}

func read(t *testing.T, c *Content) (string, error) {
	t.Helper()
	r, err := c.Stream(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(r)
	return string(raw), errors.Join(err, r.Close())
}

func TestFileIsReadTwice(t *testing.T) {
	t.Parallel()
	c, name := open(t, "first")
	if err := os.Rename(name, name+".old"); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := read(t, c); err != nil || got != "first" {
			t.Errorf("%q, %v: the file was exchanged", got, err)
		}
	}
	if !c.Executable || c.Size != 5 {
		t.Errorf("executable %t, size %d", c.Executable, c.Size)
	}
}

func TestFileThatGrows(t *testing.T) {
	t.Parallel()
	c, name := open(t, "first")
	if err := os.WriteFile(name, []byte("first and more"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(t, c); err == nil || !strings.Contains(err.Error(), "still writes") {
		t.Errorf("error %v", err)
	}
}

func TestCheckArtifact(t *testing.T) {
	t.Parallel()
	sum := "sha256:" + strings.Repeat("0", 64)
	for location, fine := range map[string]bool{
		"blob:" + sum: true, "blob:sha256:1": false, "blob:../../etc/passwd": false,
		"oci://example.com/x@" + sum: false, "": false,
	} {
		if err := CheckArtifact(sdk.Artifact{Name: "a", Digest: sum, Location: location}); (err == nil) != fine {
			t.Errorf("%q: %v", location, err)
		}
	}
}
