package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stagegate/stagegate/core/config"
)

func put(tb testing.TB, path, text string) {
	tb.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

func TestOnlyFilesOfTheFolderAreRead(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	put(t, filepath.Join(outside, "secret.hcl"), `variable "outside" {}`)
	put(t, filepath.Join(dir, "a.hcl"), `pipeline "p" {}`)
	put(t, filepath.Join(dir, "sub", "b.hcl"), `variable "sub" {}`)
	put(t, filepath.Join(dir, ".hidden.hcl"), `variable "hidden" {}`)
	put(t, filepath.Join(dir, "vars.tfvars"), `nonsense`)
	source, diags := config.Parse(config.Options{Path: dir})
	clean(t, diags)
	if n := len(source.Variables()); n != 0 {
		t.Errorf("%d variables are read from other files", n)
	}
	if err := os.Symlink(filepath.Join(outside, "secret.hcl"), filepath.Join(dir, "link.hcl")); err != nil {
		t.Fatal(err)
	}
	_, diags = config.Parse(config.Options{Path: dir})
	if len(diags) != 1 || diags[0].Summary != "Pipeline file cannot be read" {
		t.Errorf("a link out of the folder: %+v", diags)
	}
}

func TestALinkInsideTheFolderIsRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "real", "a.txt"), `pipeline "p" {}`)
	if err := os.Symlink(filepath.Join("real", "a.txt"), filepath.Join(dir, "a.hcl")); err != nil {
		t.Fatal(err)
	}
	_, diags := config.Parse(config.Options{Path: dir})
	clean(t, diags)
}

func TestAPipeIsNotRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "a.hcl"), 0o600); err != nil {
		t.Skipf("make a pipe: %v", err)
	}
	_, diags := config.Parse(config.Options{Path: dir}) // would wait for ever
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, "not a regular file") {
		t.Errorf("diagnostics = %+v", diags)
	}
}

func TestOneFileIsAPipeline(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	put(t, filepath.Join(dir, "a.hcl"), `pipeline "p" {}`)
	put(t, filepath.Join(dir, "b.hcl"), `pipeline "other" {}`)
	source, diags := config.Parse(config.Options{Path: filepath.Join(dir, "a.hcl")})
	clean(t, diags)
	if source.Name != "p" || source.Root != dir {
		t.Errorf("name, root = %q, %q", source.Name, source.Root)
	}
	for _, path := range []string{filepath.Join(dir, "absent"), filepath.Join(dir, "a.txt")} {
		put(t, filepath.Join(dir, "a.txt"), "")
		_, diags := config.Parse(config.Options{Path: path})
		if len(diags) != 1 || diags[0].Summary != "No pipeline found" || !strings.Contains(diags[0].Detail, path) {
			t.Errorf("%s: %+v", path, diags)
		}
	}
}

func TestDigestCoversNamesAndContents(t *testing.T) {
	t.Parallel()
	digest := func(files map[string]string) string {
		dir := t.TempDir()
		for name, text := range files {
			put(t, filepath.Join(dir, name), text)
		}
		source, diags := config.Parse(config.Options{Path: dir})
		clean(t, diags)
		return source.Digest
	}
	base := digest(map[string]string{"a.hcl": `pipeline "p" {}`, "b.hcl": "# x\n"})
	if again := digest(map[string]string{"a.hcl": `pipeline "p" {}`, "b.hcl": "# x\n", "c.txt": "y"}); again != base {
		t.Error("the same files have another digest")
	}
	for _, other := range []map[string]string{
		{"a.hcl": `pipeline "p" {}`, "b.hcl": "# y\n"},
		{"a.hcl": `pipeline "p" {}`, "c.hcl": "# x\n"},
		{"a.hcl": `pipeline "p" {}# x` + "\n", "b.hcl": ""},
	} {
		if digest(other) == base {
			t.Errorf("%v has the same digest", other)
		}
	}
}
