package produced_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/produced"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"out/kept.xml", "out/rewritten.xml", "out/other.txt"} {
		write(t, dir, name, "before")
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	w := begin(t, dir, "./out/*.xml")
	if _, err := w.Files(); !errors.Is(err, produced.ErrStale) {
		t.Errorf("with old files only the error is %v, want ErrStale", err)
	}
	write(t, dir, "out/rewritten.xml", "after!")
	write(t, dir, "out/new.xml", "new")
	got, err := w.Files()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"out/new.xml", "out/rewritten.xml"}, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	f, err := w.Open("out/new.xml")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if content, err := io.ReadAll(f); err != nil || string(content) != "new" {
		t.Errorf("content is %q, %v", content, err)
	}
}

func TestFilesNone(t *testing.T) {
	t.Parallel()
	w := begin(t, t.TempDir(), "report.xml")
	if _, err := w.Files(); !errors.Is(err, produced.ErrNone) {
		t.Errorf("error is %v, want ErrNone", err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir, outside := t.TempDir(), t.TempDir()
	write(t, outside, "secret", "s3cret")
	w := begin(t, dir, "*")
	if err := os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"link":   "escapes",
		"pipe":   "not a regular file",
		"folder": "not a regular file",
	} {
		f, err := w.Open(name)
		if err == nil {
			f.Close()
			t.Errorf("Open(%q) succeeded", name)
		} else if !strings.Contains(err.Error(), want) {
			t.Errorf("Open(%q): error %q does not say %q", name, err, want)
		}
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"report.xml": "report.xml", "./out/TEST-*.xml": "out/TEST-*.xml", "/w/a/[ab].xml": "a/[ab].xml",
	} {
		if got, err := produced.Local("/w", in); err != nil || got != want {
			t.Errorf("Local(%q) is %q, %v; want %q", in, got, err, want)
		}
	}
	for _, bad := range []string{"", "/tmp/x.xml", "../x.xml", "a/../../x.xml", "[a.xml"} {
		if got, err := produced.Local("/w", bad); err == nil {
			t.Errorf("Local(%q) accepted it as %q", bad, got)
		}
	}
}

func begin(t *testing.T, dir, pattern string) *produced.Watch {
	t.Helper()
	w, err := produced.Begin(dir, pattern)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	p := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(p), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}
