package gate

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stagegate/stagegate/sdk/decision"
)

func newRing(t *testing.T) *keyring {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "home")
	return &keyring{private: filepath.Join(dir, "decision.key"), public: filepath.Join(dir, "trust-root.pem")}
}

func TestKeyIsMadeOnceAndPrivate(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	first, err := ring.get()
	if err != nil {
		t.Fatal(err)
	}
	again, err := (&keyring{private: ring.private, public: ring.public}).get()
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the second runner has another key: %v", err)
	}
	for path, mode := range map[string]os.FileMode{ring.private: 0o600, ring.public: 0o644, filepath.Dir(ring.private): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v; want %v", path, info.Mode(), err, mode)
		}
	}
	left, err := os.ReadDir(filepath.Dir(ring.private))
	if err != nil || len(left) != 2 {
		t.Errorf("%d files are left, want 2: %v", len(left), err)
	}
}

func TestRunnersThatStartTogetherShareOneKey(t *testing.T) {
	t.Parallel()
	ring := newRing(t)
	keys := make([][]byte, 8)
	var wg sync.WaitGroup
	for i := range keys {
		wg.Go(func() {
			key, err := (&keyring{private: ring.private, public: ring.public}).get()
			if err != nil {
				t.Error(err)
			}
			keys[i] = key
		})
	}
	wg.Wait()
	for _, key := range keys[1:] {
		if !bytes.Equal(key, keys[0]) {
			t.Fatal("two runners have different keys")
		}
	}
}

func TestKeyFilesThatAreRefused(t *testing.T) {
	t.Parallel()
	write := func(t *testing.T, path, content string, mode os.FileMode) {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		spoil func(t *testing.T, ring *keyring)
		says  string
	}{
		"open to others": {func(t *testing.T, r *keyring) { t.Helper(); write(t, r.private, "x", 0o640) }, "chmod 600"},
		"no PEM":         {func(t *testing.T, r *keyring) { t.Helper(); write(t, r.private, "secret words", 0o600) }, "not one PEM block"},
		"no key": {func(t *testing.T, r *keyring) {
			t.Helper()
			write(t, r.private, "-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n", 0o600)
		}, "no PKCS#8 key"},
		"trust root open": {func(t *testing.T, r *keyring) { t.Helper(); write(t, r.public, "x", 0o666) }, "chmod go-w"},
		"trust root foreign": {func(t *testing.T, r *keyring) {
			t.Helper()
			other := newRing(t)
			key, err := other.get()
			if err != nil {
				t.Fatal(err)
			}
			root, err := os.ReadFile(other.public)
			if err != nil || len(key) == 0 {
				t.Fatal(err)
			}
			write(t, r.public, string(root), 0o644)
		}, "does not hold the key"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ring := newRing(t)
			if _, err := ring.get(); err != nil {
				t.Fatal(err)
			}
			test.spoil(t, ring)
			_, err := (&keyring{private: ring.private, public: ring.public}).get()
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "secret words") {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
}

func TestUnwritableHomeIsAnError(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g, _ := newGate(t, &fakePlugins{}, func(o *Options) { o.KeyFile = filepath.Join(file, "key") })
	if d, err := g.Decide(t.Context(), request()); err == nil {
		t.Errorf("decided %+v without a key", d.Event)
	}
}

func TestOperatorMayTrustSeveralKeys(t *testing.T) {
	t.Parallel()
	ring, other := newRing(t), newRing(t)
	key, err := ring.get()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := other.get(); err != nil {
		t.Fatal(err)
	}
	more, err := os.ReadFile(other.public)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(ring.public, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(more); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if again, err := (&keyring{private: ring.private, public: ring.public}).get(); err != nil || !bytes.Equal(key, again) {
		t.Errorf("a trust root with two keys: %v", err)
	}
	if _, err := decision.LoadTrustRoot(ring.public); err != nil {
		t.Error(err)
	}
}
