package bundle

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
)

// PublicKey is a key whose signatures count.
type PublicKey struct {
	key *ecdsa.PublicKey
	der []byte // SubjectPublicKeyInfo
}

// Public is the other half of a key.
func (k Key) Public() (PublicKey, error) { return publicOf(&k.private.PublicKey) }

// ParsePublicKey reads one PEM block "PUBLIC KEY".
func ParsePublicKey(text []byte) (PublicKey, error) {
	block, rest := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" || len(bytes.TrimSpace(rest)) > 0 {
		return PublicKey{}, errors.New("it is not one PEM block \"PUBLIC KEY\"")
	}
	parsed, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return PublicKey{}, fmt.Errorf("read public key: %w", err)
	}
	key, ok := parsed.(*ecdsa.PublicKey)
	if !ok {
		return PublicKey{}, errors.New(algorithm(parsed) + ", not an elliptic-curve key")
	}
	return publicOf(key)
}

func publicOf(key *ecdsa.PublicKey) (PublicKey, error) {
	if _, err := hashOf(key.Curve); err != nil {
		return PublicKey{}, err
	}
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return PublicKey{}, fmt.Errorf("encode public key: %w", err)
	}
	return PublicKey{key: key, der: der}, nil
}

// Equal reports whether it is the key of a certificate.
func (p PublicKey) Equal(other any) bool {
	key, ok := other.(*ecdsa.PublicKey)
	return ok && p.key.Equal(key)
}

// PEM is the key in its canonical form.
func (p PublicKey) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: p.der})
}

// ModelHint names the key as OpenSSF model signing does: the SHA-256 of its PEM
// form, in lower-case hexadecimal.
func (p PublicKey) ModelHint() string {
	sum := sha256.Sum256(p.PEM())
	return hex.EncodeToString(sum[:])
}

// CosignHint names the key as cosign does: the SHA-256 of its DER form, in
// base64.
func (p PublicKey) CosignHint() string {
	sum := sha256.Sum256(p.der)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Fingerprint names the key as OpenSSL, and this runner's trust root, do:
// "sha256:" and the SHA-256 of its DER form in hexadecimal.
func (p PublicKey) Fingerprint() string {
	sum := sha256.Sum256(p.der)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// named reports whether a hint names this key, in either form.
func (p PublicKey) named(hint string) bool {
	return hint == p.ModelHint() || hint == p.CosignHint()
}

// Verify reports whether a signature is over the message, with the hash that
// goes with the key's curve.
func (p PublicKey) Verify(message, signature []byte) bool {
	hash, err := hashOf(p.key.Curve)
	return err == nil && p.VerifyWith(hash, message, signature)
}

// VerifyWith is Verify with another hash, as older tools pair them.
func (p PublicKey) VerifyWith(hash crypto.Hash, message, signature []byte) bool {
	h := hash.New()
	_, _ = h.Write(message) // a hash never fails
	return ecdsa.VerifyASN1(p.key, h.Sum(nil), signature)
}
