package seal_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stagegate/stagegate/core/seal"
)

func open(t *testing.T, path string) *seal.Sealer {
	t.Helper()
	s, err := seal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSealsAreTheSameWithTheSameKeyAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys", "inputs.key")
	one := open(t, path)
	sealed := one.Seal("run", "token", "hunter2")
	if strings.Contains(sealed, "hunter2") || !open(t, path).Fits(sealed, "run", "token", "hunter2") {
		t.Errorf("the seal is %s", sealed)
	}
	for _, other := range [][]string{{"run", "token", "hunter3"}, {"runt", "oken", "hunter2"}, {"other", "token", "hunter2"}, {"run", "token"}} {
		if one.Fits(sealed, other...) {
			t.Errorf("%q has the same seal", other)
		}
	}
	if open(t, filepath.Join(t.TempDir(), "inputs.key")).Fits(sealed, "run", "token", "hunter2") {
		t.Error("another key makes the same seal")
	}
}

func TestKeyIsForItsOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inputs.key")
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("its mode is %04o", got)
	}
	if err := os.Chmod(path, 0o640); err != nil { // that is what is refused
		t.Fatal(err)
	}
	if _, err := seal.Open(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
}

func TestDamagedKeyIsRefused(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inputs.key")
	if err := os.WriteFile(path, []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.Open(path); err == nil {
		t.Error("a short key was taken")
	}
}

// Runners that start at once end up with one key.
func TestKeyIsMadeOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "inputs.key")
	var all sync.WaitGroup
	seals := make([]string, 8)
	for i := range seals {
		all.Go(func() {
			if s, err := seal.Open(path); err == nil {
				seals[i] = s.Seal("x")
			}
		})
	}
	all.Wait()
	for _, s := range seals {
		if s == "" || s != seals[0] {
			t.Fatalf("got %q", seals)
		}
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
