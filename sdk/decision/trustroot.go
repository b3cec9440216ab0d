package decision

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"os"
)

// Bounds on the file of a trust root.
const (
	maxTrustRoot = 64 << 10
	maxKeys      = 64
	pemPublicKey = "PUBLIC KEY"
)

// TrustRoot is the set of keys whose decisions count. The zero value trusts
// nobody.
type TrustRoot struct {
	keys map[string]ed25519.PublicKey // by KeyID
}

// NewTrustRoot trusts the given keys.
func NewTrustRoot(keys ...ed25519.PublicKey) (TrustRoot, error) {
	root := TrustRoot{keys: make(map[string]ed25519.PublicKey, len(keys))}
	for _, key := range keys {
		id, err := KeyID(key)
		if err != nil {
			return TrustRoot{}, fmt.Errorf("%w: %w", ErrTrustRoot, err)
		}
		root.keys[id] = key
	}
	return root, nil
}

// Trusts reports whether decisions of a key count.
func (r TrustRoot) Trusts(key ed25519.PublicKey) bool {
	id, err := KeyID(key)
	return err == nil && r.keys[id].Equal(key)
}

// KeyID names a key: the SHA-256 of its DER form (SubjectPublicKeyInfo), hex.
func KeyID(key ed25519.PublicKey) (string, error) {
	if len(key) != ed25519.PublicKeySize {
		return "", fmt.Errorf("public key has %d bytes, not %d", len(key), ed25519.PublicKeySize)
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return "", fmt.Errorf("encode public key: %w", err)
	}
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:]), nil
}

// MarshalPublicKey is one key as a block of a trust root file.
func MarshalPublicKey(key ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: pemPublicKey, Bytes: der}), nil
}

// LoadTrustRoot reads a file of PEM public keys. The file must not be writable
// by group or others: whoever writes it decides what may be deployed.
func LoadTrustRoot(path string) (TrustRoot, error) {
	if path == "" {
		return TrustRoot{}, fmt.Errorf("%w: no file is named; the runner passes it in RUNNER_TRUST_ROOT", ErrTrustRoot)
	}
	f, err := os.Open(path)
	if err != nil {
		return TrustRoot{}, fmt.Errorf("%w: %w", ErrTrustRoot, err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return TrustRoot{}, fmt.Errorf("%w: %w", ErrTrustRoot, err)
	}
	if !info.Mode().IsRegular() {
		return TrustRoot{}, fmt.Errorf("%w: %s is not a regular file", ErrTrustRoot, path)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return TrustRoot{}, fmt.Errorf("%w: %s can be written by group or others (mode %04o); run chmod go-w on it",
			ErrTrustRoot, path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxTrustRoot+1))
	if err != nil {
		return TrustRoot{}, fmt.Errorf("%w: read %s: %w", ErrTrustRoot, path, err)
	}
	if len(data) > maxTrustRoot {
		return TrustRoot{}, fmt.Errorf("%w: %s is larger than %d bytes", ErrTrustRoot, path, maxTrustRoot)
	}
	keys, err := parseKeys(data)
	if err != nil {
		return TrustRoot{}, fmt.Errorf("%w: %s: %w", ErrTrustRoot, path, err)
	}
	return NewTrustRoot(keys...)
}

func parseKeys(data []byte) ([]ed25519.PublicKey, error) {
	var keys []ed25519.PublicKey
	for len(keys) <= maxKeys {
		block, rest := pem.Decode(data)
		if block == nil {
			if len(keys) == 0 {
				return nil, fmt.Errorf("it holds no PEM block %q", pemPublicKey)
			}
			return keys, nil
		}
		data = rest
		if block.Type != pemPublicKey {
			return nil, fmt.Errorf("it holds a PEM block %q; only %q belongs there", block.Type, pemPublicKey)
		}
		parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("read public key: %w", err)
		}
		key, ok := parsed.(ed25519.PublicKey)
		if !ok {
			return nil, fmt.Errorf("it holds a %T; only Ed25519 keys count", parsed)
		}
		keys = append(keys, key)
	}
	return nil, fmt.Errorf("it holds more than %d keys", maxKeys)
}
