package bundle

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/secure-systems-lab/go-securesystemslib/encrypted"
)

// maxKey bounds a key in PEM.
const maxKey = 64 << 10

// Types of PEM blocks that hold a private key. The last two are cosign's.
const (
	pemPKCS8     = "PRIVATE KEY"
	pemSEC1      = "EC PRIVATE KEY"
	pemSigstore  = "ENCRYPTED SIGSTORE PRIVATE KEY"
	pemCosignOld = "ENCRYPTED COSIGN PRIVATE KEY"
)

// Key is a private key that signs.
type Key struct{ private *ecdsa.PrivateKey }

// NewKey makes a key on P-256.
func NewKey() (Key, error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Key{}, fmt.Errorf("make a key: %w", err)
	}
	return Key{private: private}, nil
}

// Request is a request for a certificate, in PEM: that it is signed proves that
// whoever asks has the key. It names nobody.
func (k Key) Request() ([]byte, error) {
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{}, k.private)
	if err != nil {
		return nil, fmt.Errorf("make a certificate request: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}), nil
}

// ParseKey reads a private key: PKCS#8 or SEC 1, or what `cosign
// generate-key-pair` writes, which needs the password. It is an elliptic-curve
// key on P-256, P-384 or P-521.
func ParseKey(text, password []byte) (Key, error) {
	if len(text) > maxKey {
		return Key{}, fmt.Errorf("the key has more than %d bytes", maxKey)
	}
	block, rest := keyBlock(text)
	switch {
	case block == nil:
		return Key{}, errors.New("the key is not in PEM: it has no line -----BEGIN PRIVATE KEY-----")
	case len(bytes.TrimSpace(rest)) > 0:
		return Key{}, errors.New("something follows the key; give one PEM block")
	}
	private, err := parseBlock(block, password)
	if err != nil {
		return Key{}, err
	}
	if _, err := hashOf(private.Curve); err != nil {
		return Key{}, err
	}
	return Key{private: private}, nil
}

// keyBlock is the first block that is not the parameters of a curve, which
// openssl writes before the key.
func keyBlock(text []byte) (block *pem.Block, rest []byte) {
	for block, rest = pem.Decode(text); block != nil && block.Type == "EC PARAMETERS"; {
		block, rest = pem.Decode(rest)
	}
	return block, rest
}

// parseBlock leaves out the causes of errors, which could quote the key.
func parseBlock(block *pem.Block, password []byte) (*ecdsa.PrivateKey, error) {
	der := block.Bytes
	switch block.Type {
	case pemSEC1:
		if block.Headers["DEK-Info"] != "" {
			return nil, errors.New("the key is encrypted in a form that is not safe any more; write it anew with openssl pkcs8, or with cosign import-key-pair")
		}
		key, err := x509.ParseECPrivateKey(der)
		if err != nil {
			return nil, errors.New("the key is damaged: it is no SEC 1 key on P-256, P-384 or P-521")
		}
		return key, nil
	case pemSigstore, pemCosignOld:
		plain, err := encrypted.Decrypt(der, password)
		if err != nil {
			return nil, errors.New("the key cannot be decrypted: the password is wrong or missing, or the key is damaged")
		}
		der = plain
	case pemPKCS8:
	case "ENCRYPTED PRIVATE KEY":
		return nil, errors.New("an encrypted PKCS#8 key is not read; decrypt it into the secret, or encrypt it with cosign import-key-pair")
	default:
		return nil, fmt.Errorf("a PEM block %.40q is not a private key", block.Type)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return nil, errors.New("the key is damaged: it is no PKCS#8 key")
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s: OpenSSF model signing knows elliptic-curve keys alone; make one with openssl ecparam -name prime256v1 -genkey, or cosign generate-key-pair", algorithm(parsed))
	}
	return key, nil
}

func algorithm(key any) string {
	switch fmt.Sprintf("%T", key) {
	case "*rsa.PrivateKey", "*rsa.PublicKey":
		return "it is an RSA key"
	case "ed25519.PrivateKey", "ed25519.PublicKey":
		return "it is an Ed25519 key"
	}
	return "it is a key of another kind"
}

// hashOf is the hash that goes with a curve.
func hashOf(curve elliptic.Curve) (crypto.Hash, error) {
	switch curve {
	case elliptic.P256():
		return crypto.SHA256, nil
	case elliptic.P384():
		return crypto.SHA384, nil
	case elliptic.P521():
		return crypto.SHA512, nil
	}
	return 0, fmt.Errorf("the curve %s is not P-256, P-384 or P-521", curve.Params().Name)
}

// sign is the same for the same message.
func (k Key) sign(message []byte) ([]byte, error) {
	hash, err := hashOf(k.private.Curve)
	if err != nil {
		return nil, err
	}
	h := hash.New()
	_, _ = h.Write(message) // a hash never fails
	return k.private.Sign(nil, h.Sum(nil), hash)
}
