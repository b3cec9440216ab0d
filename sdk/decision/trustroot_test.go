package decision

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func publicPEM(t *testing.T, seed byte) []byte {
	t.Helper()
	data, err := MarshalPublicKey(testKey(seed).Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func writeRoot(t *testing.T, data []byte, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "trust-root.pem")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoadTrustRoot(t *testing.T) {
	t.Parallel()
	path := writeRoot(t, append(publicPEM(t, 1), publicPEM(t, 2)...), 0o644)
	root, err := LoadTrustRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, seed := range []byte{1, 2} {
		if _, err := Verify(mustSign(t, testKey(seed), testDecision()), root, testWant()); err != nil {
			t.Errorf("key %d: %v", seed, err)
		}
	}
}

func TestLoadTrustRootRefuses(t *testing.T) {
	t.Parallel()
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&other.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	block := func(kind string, der []byte) []byte {
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	}
	tests := map[string]struct {
		path, says string
	}{
		"no name":        {"", "RUNNER_TRUST_ROOT"},
		"no file":        {filepath.Join(t.TempDir(), "none.pem"), "no such file"},
		"folder":         {t.TempDir(), "not a regular file"},
		"group-writable": {writeRoot(t, publicPEM(t, 1), 0o664), "chmod go-w"},
		"world-writable": {writeRoot(t, publicPEM(t, 1), 0o646), "chmod go-w"},
		"empty":          {writeRoot(t, nil, 0o600), "no PEM block"},
		"private key":    {writeRoot(t, block("PRIVATE KEY", []byte("x")), 0o600), `"PRIVATE KEY"`},
		"not a key":      {writeRoot(t, block(pemPublicKey, []byte("x")), 0o600), "read public key"},
		"other kind":     {writeRoot(t, block(pemPublicKey, der), 0o600), "only Ed25519"},
		"too large":      {writeRoot(t, bytes.Repeat([]byte(" "), maxTrustRoot+1), 0o600), "larger than"},
		"too many":       {writeRoot(t, bytes.Repeat(publicPEM(t, 1), maxKeys+1), 0o600), "more than 64 keys"},
	}
	for name, test := range tests {
		_, err := LoadTrustRoot(test.path)
		if !errors.Is(err, ErrTrustRoot) || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: got %v, want %v with %q", name, err, ErrTrustRoot, test.says)
		}
	}
}

func TestNewTrustRootRefusesAShortKey(t *testing.T) {
	t.Parallel()
	if _, err := NewTrustRoot(ed25519.PublicKey("short")); !errors.Is(err, ErrTrustRoot) {
		t.Errorf("got %v, want %v", err, ErrTrustRoot)
	}
}
