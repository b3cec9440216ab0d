package cache_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/stagegate/stagegate/core/cache"
)

// keptFiles are the files that the stage's result depends on.
func (w *world) keptFiles() []string {
	w.t.Helper()
	w.learn()
	list, err := w.store.Results().List()
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, in := range list[0].Inputs {
		if name, ok := strings.CutPrefix(in.Name, "file "); ok {
			out = append(out, name)
		}
	}
	return out
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for entries, want := range map[string]string{
		"src":               "src/a src/b src/deep/c.go src/deep/d.py",
		"./src/":            "src/a src/b src/deep/c.go src/deep/d.py",
		"src/*":             "src/a src/b",
		"src/**":            "src/a src/b src/deep/c.go src/deep/d.py",
		"**/*.go":           "main.go src/deep/c.go",
		"src/[ab]":          "src/a src/b",
		"src !src/deep":     "src/a src/b",
		"src !src/**/*.go":  "src/a src/b src/deep/d.py",
		"!src/a src":        "src/b src/deep/c.go src/deep/d.py",
		"src/a main.go":     "main.go src/a",
		`we\[ird]`:          "we[ird]",
		"**":                "main.go src/a src/b src/deep/c.go src/deep/d.py we[ird]",
		".":                 "main.go src/a src/b src/deep/c.go src/deep/d.py we[ird]",
		"** !**/*.go !src/": "we[ird]",
	} {
		t.Run(entries, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			for _, name := range []string{"src/deep/c.go", "src/deep/d.py", "main.go", "we[ird]", ".git/index", "sub/.git/HEAD"} {
				w.write(name, name)
			}
			w.query.Inputs.Files = strings.Fields(entries)
			if got := strings.Join(w.keptFiles(), " "); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// No file outside of the pipeline's folder is read, whatever links say; within
// it a link to a file is that file's content.
func TestLinks(t *testing.T) {
	t.Parallel()
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct{ target, entry, why string }{
		"within":           {"src/a", "link", ""},
		"file outside":     {outside, "link", `input "link": it leads out of the pipeline's folder`},
		"by pattern":       {outside, "li*", `input "link": it leads out of the pipeline's folder`},
		"folder outside":   {filepath.Dir(outside), "link", `input "link": it leads out of the pipeline's folder`},
		"below it":         {filepath.Dir(outside), "link/secret", `input "link/secret": it leads out of the pipeline's folder`},
		"up":               {"..", "link", `input "link": it leads out of the pipeline's folder`},
		"folder by itself": {"src", "link", ""},
		"folder, matched":  {"src", "l*", `input "link": it is no regular file`},
		"to nothing":       {"nothing", "link", `input "link": there is no such file`},
		"loop":             {"link", "link", `input "link": too many levels of symbolic links`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if err := os.Symlink(tc.target, filepath.Join(w.options.Root, "link")); err != nil {
				t.Fatal(err)
			}
			w.query.Inputs.Files = []string{tc.entry}
			if tc.why != "" {
				w.misses(tc.why)
				return
			}
			w.learn()
			w.hits()
			w.write("src/a", "changed")
			if w.look().Found() != nil {
				t.Error("a change of what the link leads to is not seen")
			}
		})
	}
}

func TestSpecialFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := syscall.Mkfifo(filepath.Join(w.options.Root, "src", "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	w.misses(`input "src/pipe": it is no regular file`) // and nobody waits for a writer
}

func TestTooManyFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 20_001 {
		w.write(fmt.Sprintf("src/%d/%d", i%100, i), "")
	}
	w.misses(`input "src": the stage depends on more than 20000 files`)
	w.query.Inputs.Files = []string{"src", "!src/7"}
	w.learn()
	w.hits()
}

func TestLookEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, err := cache.New(w.options)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("enough"))
	l := c.Look(ctx, w.query)
	if l.Found() != nil || l.Cacheable() || !slices.Equal(l.Why(), []string{`input "src/a": enough`}) && !slices.Equal(l.Why(), []string{`input "src/b": enough`}) {
		t.Errorf("%q", l.Why())
	}
}

// A file that is written to between the look and the end of the stage belongs
// to no known result, not even when it is the same again.
func TestInputsThatChangeWhileTheStageRuns(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		meanwhile func(*world)
		why       string
	}{
		"changed":  {func(w *world) { w.write("src/a", "A") }, "its input src/a was written to while it ran"},
		"and back": {func(w *world) { w.write("src/a", "AAA"); w.write("src/a", "a") }, "its input src/a was written to while it ran"},
		"replaced": {func(w *world) { w.remove("src/a"); w.write("src/a", "a") }, "its input src/a was written to while it ran"},
		"removed":  {func(w *world) { w.remove("src/a") }, "its input src/a cannot be read any more: "},
		"added":    {func(w *world) { w.write("src/c", "c") }, "its input src/c appeared while it ran"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			l := w.look()
			tc.meanwhile(w)
			if err := l.Keep(t.Context(), "r", w.made); err == nil || !strings.HasPrefix(err.Error(), tc.why) {
				t.Errorf("Keep = %v, want %q", err, tc.why)
			}
			if list, err := w.store.Results().List(); err != nil || len(list) != 0 {
				t.Errorf("kept %+v, %v", list, err)
			}
		})
	}
}
