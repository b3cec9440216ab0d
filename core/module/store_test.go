package module_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/module"
)

// contents are the files below a folder.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := make(map[string]string)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		name, _ := filepath.Rel(dir, path)
		out[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func fetch(t *testing.T, store *module.Store, from module.Source) (dir string, err error) {
	t.Helper()
	_, commit, err := store.Resolve(t.Context(), from)
	if err != nil {
		return "", err
	}
	digest, err := store.Fetch(t.Context(), from, commit)
	if err != nil {
		return "", err
	}
	return store.Folder(digest)
}

func TestFetch(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	// What git would change in a work tree is not changed here.
	files := map[string]string{
		"top.hcl": "# top\n", "sub/serve/main.hcl": "variable \"x\" {}\n", "sub/serve/deep/run.sh": "#!/bin/sh\n$Format:%H$ $Id$\n",
		".gitattributes": "* text eol=crlf ident filter=bad export-subst\n", ".lfsconfig": "[lfs]\n",
	}
	r.write(files)
	if err := os.Chmod(filepath.Join(r.dir, "sub", "serve", "deep", "run.sh"), 0o700); err != nil {
		t.Fatal(err)
	}
	first := r.commit(files)
	r.git("tag", "--annotate", "--message=x", "v1")
	r.git("branch", "release/1")
	second := r.commit(map[string]string{"top.hcl": "# changed\n"})
	address, env := overHTTPS(t, r)
	store := newStore(t, func(o *module.Options) {
		o.Allowed, o.LookupEnv = append(o.Allowed, address), env
	})
	remote, err := module.Parse("git::" + address + "//sub/serve?ref=v1")
	if err != nil {
		t.Fatal(err)
	}
	serve := map[string]string{"main.hcl": files["sub/serve/main.hcl"], "deep/run.sh": files["sub/serve/deep/run.sh"]}
	now := map[string]string{"top.hcl": "# changed\n"}
	for name, content := range files {
		if name != "top.hcl" {
			now[name] = content
		}
	}
	for name, tt := range map[string]struct {
		from        module.Source
		ref, commit string
		want        map[string]string
	}{
		"a folder at a tag": {r.source("//sub/serve?ref=v1"), "refs/tags/v1", first, serve},
		"a branch":          {r.source("?ref=release/1"), "refs/heads/release/1", first, files},
		"a full ref":        {r.source("?ref=refs/heads/main"), "refs/heads/main", second, now},
		"no ref":            {r.source(""), "HEAD", second, now},
		"a commit":          {r.source("//sub/serve?ref=" + first), first, first, serve},
		"over https":        {remote, "refs/tags/v1", first, serve},
	} {
		ref, commit, err := store.Resolve(t.Context(), tt.from)
		if err != nil || ref != tt.ref || commit != tt.commit {
			t.Errorf("%s: it is %s at %s, %v", name, commit, ref, err)
			continue
		}
		dir, err := fetch(t, store, tt.from)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, contents(t, dir)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if info, err := os.Stat(filepath.Join(dir, "deep", "run.sh")); err == nil && info.Mode().Perm() != 0o500 {
			t.Errorf("%s: the script has mode %04o", name, info.Mode().Perm())
		}
	}
}

func TestFetchRefuses(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	good := r.commit(map[string]string{"main.hcl": "# x\n"})
	branch := func(name string, make func()) {
		r.git("checkout", "--quiet", "-B", name, good)
		make()
	}
	link := func(target, name string) {
		if err := os.Symlink(target, filepath.Join(r.dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	// A tree that no git would write.
	plumbed := func(mode, object, name string) {
		cmd := fmt.Sprintf("printf '%s\\t%s\\n' | git mktree --missing", mode+" "+object, name)
		r.git("reset", "--quiet", "--soft", r.git("commit-tree", "-m", "x", r.git("-c", "alias.x=!"+cmd, "x")))
	}
	blob := r.git("rev-parse", good+":main.hcl")
	branch("link", func() { link("/etc/passwd", "evil"); r.commit(nil) })
	branch("submodule", func() { plumbed("160000 commit", good, "sub") })
	branch("escape", func() { plumbed("100644 blob", blob, "a\\033[2Jb") })
	branch("backslash", func() { plumbed("100644 blob", blob, "a\\\\\\\\b") })
	branch("bidi", func() { plumbed("100644 blob", blob, "a\u202eb") })
	branch("dotgit", func() { plumbed("100644 blob", blob, ".GIT") })
	branch("empty", func() { r.git("rm", "--quiet", "-r", "."); r.git("commit", "--quiet", "--message=x") })
	branch("many", func() {
		files := make(map[string]string)
		for i := range 1001 {
			files[fmt.Sprintf("f%d", i)] = "x"
		}
		r.commit(files)
	})
	branch("bomb", func() { r.commit(map[string]string{"zeros": strings.Repeat("\x00", 17<<20)}) })
	branch("deep", func() { r.commit(map[string]string{strings.Repeat("d/", 20) + "f": "x"}) })
	r.git("tag", "both", good)
	r.git("branch", "both")
	store := newStore(t)
	for rest, want := range map[string]string{
		"?ref=link":                       "symbolic link",
		"?ref=submodule":                  "submodule",
		"?ref=escape":                     "refused",
		"?ref=backslash":                  "refused",
		"?ref=bidi":                       "refused",
		"?ref=dotgit":                     "refused",
		"?ref=empty":                      "holds no file",
		"?ref=many":                       "more than 1000 files",
		"?ref=bomb":                       "more than 16 MiB",
		"?ref=deep":                       "refused",
		"?ref=both":                       "both a tag and a branch",
		"?ref=v9":                         `no tag and no branch "v9"`,
		"?ref=" + good[:12]:               "whole id",
		"?ref=" + strings.Repeat("a", 40): "git says",
		"?ref=" + blob:                    "not a commit",
		"//nowhere?ref=" + good:           "no folder nowhere",
		"//main.hcl?ref=" + good:          "",
	} {
		_, err := fetch(t, store, r.source(rest))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%s: %v, want %q", rest, err, want)
		}
	}
	for address, want := range map[string]string{
		"git::file://" + t.TempDir():       "git says",
		"git::file:///srv/elsewhere":       "do not allow",
		"git::https://stagegate.invalid/x": "do not allow",
	} {
		s, err := module.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := fetch(t, store, s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", address, err, want)
		}
	}
}

func TestHugeRepository(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	noise := make([]byte, 8<<20)
	for i, x := 0, uint32(1); i < len(noise); i++ {
		x = x*1664525 + 1013904223
		noise[i] = byte(x >> 24)
	}
	r.commit(map[string]string{"main.hcl": "# x\n", "noise": string(noise)})
	store := newStore(t, func(o *module.Options) { o.MaxFetch = 1 << 20 })
	if _, err := fetch(t, store, r.source("")); err == nil || !strings.Contains(err.Error(), "more than 1 MiB") {
		t.Errorf("got %v", err)
	}
}

func TestNothingHalfDone(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit(map[string]string{"main.hcl": "# x\n"})
	folder := filepath.Join(t.TempDir(), "modules")
	store := newStore(t, func(o *module.Options) { o.Folder = folder })
	// What a killed fetch leaves.
	left := filepath.Join(folder, "fetch-killed", "objects")
	if err := os.MkdirAll(left, 0o700); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("somebody pressed a key")
	cancel(gone)
	if _, err := store.Fetch(ctx, r.source(""), r.git("rev-parse", "HEAD")); !errors.Is(err, gone) {
		t.Errorf("got %v, want the cause", err)
	}
	if _, err := fetch(t, store, r.source("?ref=v9")); err == nil {
		t.Error("a ref out of nowhere")
	}
	if _, err := fetch(t, store, r.source("")); err != nil {
		t.Error(err)
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 2 { // the lock and the module
		t.Errorf("there are %v, %v", entries, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit(map[string]string{"a/main.hcl": "# a\n", "b/main.hcl": "# b\n"})
	folder := filepath.Join(t.TempDir(), "modules")
	var fetching sync.WaitGroup
	for i := range 8 {
		fetching.Go(func() {
			store := newStore(t, func(o *module.Options) { o.Folder = folder }) // as of another process
			dir, err := fetch(t, store, r.source([]string{"//a", "//b"}[i%2]))
			if err != nil || len(contents(t, dir)) != 1 {
				t.Errorf("got %s, %v", dir, err)
			}
		})
	}
	fetching.Wait()
}

func TestTamperedStore(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	r.commit(map[string]string{"main.hcl": "# x\n", "sub/a": "a"})
	for name, change := range map[string]func(dir string) error{
		"a file changed": func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "main.hcl")), os.WriteFile(filepath.Join(dir, "main.hcl"), []byte("# y\n"), 0o400))
		},
		"a file added":   func(dir string) error { return os.WriteFile(filepath.Join(dir, "evil.hcl"), nil, 0o400) },
		"a file removed": func(dir string) error { return os.Remove(filepath.Join(dir, "sub", "a")) },
		"a file moved":   func(dir string) error { return os.Rename(filepath.Join(dir, "sub", "a"), filepath.Join(dir, "b")) },
		"a link":         func(dir string) error { return os.Symlink("/etc/passwd", filepath.Join(dir, "evil.hcl")) },
	} {
		store := newStore(t)
		from := r.source("")
		_, commit, err := store.Resolve(t.Context(), from)
		if err != nil {
			t.Fatal(err)
		}
		digest, err := store.Fetch(t.Context(), from, commit)
		if err != nil {
			t.Fatal(err)
		}
		dir, err := store.Folder(digest)
		if err != nil {
			t.Fatal(err)
		}
		if err := change(dir); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Folder(digest); err == nil || !strings.Contains(err.Error(), "were changed") || !strings.Contains(err.Error(), "remove "+dir) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := store.Fetch(t.Context(), from, commit); err == nil {
			t.Errorf("%s: fetching again hides it", name)
		}
	}
}

// The digest is the one of Go and Terraform, and does not change.
func TestDigest(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	commit := r.commit(map[string]string{"b.hcl": "b\n", "a/c.hcl": "c\n"})
	digest, err := newStore(t).Fetch(t.Context(), r.source(""), commit)
	// cd dir && sha256sum a/c.hcl b.hcl | sha256sum | xxd -r -p | base64
	if want := "h1:yzB6IGu6lh8nXw7XqZ8/IPcWP1CSV8c//Bbk6ygbg3E="; err != nil || digest != want {
		t.Errorf("got %s, %v, want %s", digest, err, want)
	}
}
