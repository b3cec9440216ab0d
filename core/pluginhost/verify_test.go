package pluginhost

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestOpenBinaryRefuses(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, content string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "runner-plugin-x")
		if err := os.WriteFile(path, []byte(content), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for name, tc := range map[string]struct {
		path func(t *testing.T) string
		want string // digest
		text string
	}{
		"world-writable": {func(t *testing.T) string { return write(t, "#!/bin/sh\n", 0o707) }, "", "everybody may write"},
		"not executable": {func(t *testing.T) string { return write(t, "#!/bin/sh\n", 0o600) }, "", "not executable"},
		"empty":          {func(t *testing.T) string { return write(t, "", 0o700) }, "", "too short"},
		"folder":         {func(t *testing.T) string { return t.TempDir() }, "", "not a regular file"},
		"absent":         {func(*testing.T) string { return "/nonexistent/x" }, "", "no such file"},
		"other digest":   {func(t *testing.T) string { return write(t, "#!/bin/sh\n", 0o700) }, "sha256:00", "the lock file wants sha256:00"},
		"someone else's": {func(t *testing.T) string {
			path := write(t, "#!/bin/sh\n", 0o700)
			if os.Geteuid() != 0 || os.Chown(path, 4711, 4711) != nil {
				t.Skip("only root can give files away")
			}
			return path
		}, "", "belongs to user 4711"},
		"group-writable": {func(t *testing.T) string {
			path := write(t, "#!/bin/sh\n", 0o770)
			if os.Geteuid() != 0 || os.Chown(path, 0, 4711) != nil {
				t.Skip("only root can give files away")
			}
			return path
		}, "", "its group may write"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, err := openBinary("x", tc.path(t), tc.want)
			if err == nil {
				b.close()
			}
			faulty(t, err, ClassUntrusted, tc.text)
		})
	}
}

func TestDigestOfTheLockFile(t *testing.T) {
	t.Parallel()
	first := newHost(t, options(t))
	_, digest, err := first.Describe(t.Context(), "fake")
	if err != nil {
		t.Fatal(err)
	}
	o := options(t)
	o.Digests = map[string]string{"fake": digest, "rogue": "sha256:" + strings.Repeat("0", 64)}
	h := newHost(t, o)
	succeeds(t, h)
	_, _, err = h.Describe(t.Context(), "rogue")
	faulty(t, err, ClassUntrusted, "the lock file wants")
}

// A file that is written again within the granularity of its times would look
// unchanged: it is not hashed before that is over.
func TestFreshFileIsLeftToSettle(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "runner-plugin-x")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	b, err := openBinary("x", path, "")
	if err != nil {
		t.Fatal(err)
	}
	defer b.close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(changed(info)); age < tick {
		t.Errorf("hashed %s after the last change", age)
	}
	if err := os.WriteFile(path, []byte("#!/bin/ls\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if b.unchanged() == nil {
		t.Error("a change of the content does not show")
	}
}

// What stands at the plugin's path is swapped all the time, between hash and
// exec too: whatever is started is what the lock file names, or nothing is.
func TestSwappedFileIsNeverRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	good, evil := filepath.Join(os.Getenv(pluginDirVariable), "runner-plugin-fake"), filepath.Join(dir, "evil")
	canary, path := filepath.Join(dir, "canary"), filepath.Join(dir, "runner-plugin-fake")
	if err := os.WriteFile(evil, []byte("#!/bin/sh\necho evil > "+canary+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(good, path); err != nil {
		t.Fatal(err)
	}
	o := options(t)
	_, digest, err := newHost(t, o).Describe(t.Context(), "fake")
	if err != nil {
		t.Fatal(err)
	}
	o.RunnerDir, o.Digests = dir, map[string]string{"fake": digest}
	stop, swapped := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		defer func() { swapped <- n }()
		for target := evil; ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			next := filepath.Join(dir, "next")
			_ = os.Symlink(target, next)
			_ = os.Rename(next, path)
			if target == evil {
				target = good
			} else {
				target = evil
			}
		}
	}()
	ran := 0
	for range 60 {
		h, err := New(t.Context(), o)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err = h.Describe(t.Context(), "fake"); err == nil {
			ran++
		} else if classOf(err) != ClassUntrusted {
			t.Error(err)
		}
		closeHost(t, h)
	}
	close(stop)
	t.Logf("%d of 60 launches ran during %d swaps", ran, <-swapped)
	if _, err := os.Stat(canary); err == nil {
		t.Error("the other file was run")
	}
}

// Writing over the file in place is noticed at the next launch.
func TestFileChangedInPlaceIsRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "runner-plugin-fake")
	if err := copyFile(filepath.Join(os.Getenv(pluginDirVariable), "runner-plugin-fake"), path); err != nil {
		t.Fatal(err)
	}
	o := options(t)
	o.RunnerDir = dir
	h := newHost(t, o)
	_, err := newStep(t, h, "fake", args{"fault": "kill"}).run(t.Context(), h)
	faulty(t, err, ClassCrashed, "SIGKILL")
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString("more"); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	at := newStep(t, newHost(t, options(t)), "fake", args{})
	_, err = at.run(t.Context(), h)
	faulty(t, err, ClassUntrusted, "changed after it had been verified")
}

// A script is a plugin too, and is run from the file that was hashed.
func TestScriptIsRunFromItsDescriptor(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"script $0\" >&2\nexit 4\n"
	if err := os.WriteFile(filepath.Join(dir, "runner-plugin-s"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	o := options(t)
	o.RunnerDir = dir
	h := newHost(t, o)
	_, _, err := h.Describe(t.Context(), "s")
	if f := faulty(t, err, ClassCrashed, "exited with status 4"); f.LastWords != "script /proc/self/fd/3" {
		t.Errorf("last words %q", f.LastWords)
	}
}
