package module_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/module"
)

const digest = "h1:yzB6IGu6lh8nXw7XqZ8/IPcWP1CSV8c//Bbk6ygbg3E="

func lockIn(t *testing.T, content string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, module.LockName), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestLockKeepsItsForm(t *testing.T) {
	t.Parallel()
	commit := strings.Repeat("a1", 20)
	const others = `
plugin "acme" {
  version = "1.2.0" # of a later runner
}
`
	dir := lockIn(t, `module "git::https://z.example/x" {
ref="HEAD"
commit = "`+commit+`"
digest = "`+digest+`"
}
`+others+`
module "git::https://A.example/x//sub/?ref=v1" {
  ref = "refs/tags/v1"
  commit = "`+commit+`"
  digest = "`+digest+`"
}
`)
	lock, err := module.ReadLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]module.Pin{
		"git::https://z.example/x":             {Ref: "HEAD", Commit: commit, Digest: digest},
		"git::https://a.example/x//sub?ref=v1": {Ref: "refs/tags/v1", Commit: commit, Digest: digest},
	}
	if diff := cmp.Diff(want, lock.Pins); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if changed, err := lock.Write(dir); err != nil || !changed {
		t.Errorf("Write = %t, %v", changed, err)
	}
	first, _ := os.ReadFile(filepath.Join(dir, module.LockName))
	if text := string(first); !strings.HasPrefix(text, "# Written by") || !strings.HasSuffix(text, others) ||
		strings.Index(text, "a.example") > strings.Index(text, "z.example") {
		t.Errorf("it reads:\n%s", first)
	}
	again, err := module.ReadLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := again.Write(dir); err != nil || changed {
		t.Errorf("Write = %t, %v, want nothing changed", changed, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("there are %v", entries)
	}
}

func TestLockWithoutPins(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	lock, err := module.ReadLock(dir)
	if err != nil {
		t.Fatal(err)
	}
	if changed, err := lock.Write(dir); err != nil || changed {
		t.Errorf("Write = %t, %v", changed, err)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 0 {
		t.Errorf("there are %v", entries)
	}
}

func TestLockRefuses(t *testing.T) {
	t.Parallel()
	commit := strings.Repeat("a1", 20)
	pin := func(source, ref, commit, digest string) string {
		return `module "` + source + `" {` + "\nref = \"" + ref + "\"\ncommit = \"" + commit + "\"\ndigest = \"" + digest + "\"\n}\n"
	}
	good := pin("git::https://a/x", "HEAD", commit, digest)
	for name, tt := range map[string]struct{ content, want string }{
		"not HCL":            {"module {", "line 1"},
		"a merge conflict":   {"<<<<<<< ours\n" + good, "line 1"},
		"twice":              {good + good, "pinned twice"},
		"twice in two forms": {good + pin("git::https://A/x/", "HEAD", commit, digest), "pinned twice"},
		"a source":           {pin("git::ext::id", "HEAD", commit, digest), "source is refused"},
		"a ref":              {pin("git::https://a/x", "--force", commit, digest), "refused"},
		"a control":          {pin("git::https://a/x", `refs/heads/\u001b[2J`, commit, digest), "refused"},
		"a commit":           {pin("git::https://a/x", "HEAD", "--upload-pack=id", digest), "commit is not"},
		"a short commit":     {pin("git::https://a/x", "HEAD", commit[:12], digest), "commit is not"},
		"a digest":           {pin("git::https://a/x", "HEAD", commit, "h1:../../x"), "digest is not"},
		"no digest":          {pin("git::https://a/x", "HEAD", commit, ""), "digest is not"},
		"a function":         {"module \"git::https://a/x\" {\ncommit = file(\"/etc/passwd\")\n}", "commit is not a text"},
		"an expression":      {"module \"git::https://a/x\" {\ncommit = \"${1}\"\n}", "commit is not a text"},
		"an argument":        {"module \"git::https://a/x\" {\nx = \"1\"\n}", `argument "x"`},
		"outside":            {"x = 1\n", `argument "x"`},
		"brackets":           {strings.Repeat("[", 200_000), "line 1"},
		"huge":               {strings.Repeat("# x\n", 300_000), "more than"},
	} {
		if _, err := module.ReadLock(lockIn(t, tt.content)); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), module.LockName) {
			t.Errorf("%s: %v, want %q", name, err, tt.want)
		}
	}
	dir := t.TempDir()
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, module.LockName)); err != nil {
		t.Fatal(err)
	}
	if _, err := module.ReadLock(dir); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a link: %v", err)
	}
}

// FuzzReadLock checks that what passes is written and read again as it is.
func FuzzReadLock(f *testing.F) {
	f.Add("module \"git::https://a/x?ref=v1\" {\n  ref = \"HEAD\"\n  commit = \"" + strings.Repeat("a1", 20) + "\"\n  digest = \"" + digest + "\"\n}\n")
	f.Add("plugin \"a\" {\n}\n")
	f.Fuzz(func(t *testing.T, content string) {
		lock, err := module.ReadLock(lockIn(t, content))
		if err != nil {
			return
		}
		again, err := module.ReadLock(lockIn(t, string(lock.Bytes())))
		if err != nil || !cmp.Equal(lock.Pins, again.Pins) {
			t.Errorf("%q is %v, then %v, %v", content, lock.Pins, again.Pins, err)
		}
	})
}
