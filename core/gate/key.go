package gate

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/stagegate/stagegate/sdk/decision"
)

const (
	maxKeyFile    = 16 << 10
	pemPrivateKey = "PRIVATE KEY"
)

// keyring is the runner's key on disk, read when it is first needed.
type keyring struct {
	private, public string

	mu  sync.Mutex
	key ed25519.PrivateKey
}

// get is the key, made when there is none yet. Deployers trust it only when the
// trust root holds it, so that is made sure of here, where the operator sees
// the message.
func (k *keyring) get() (ed25519.PrivateKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.key != nil {
		return k.key, nil
	}
	key, err := readKey(k.private)
	if errors.Is(err, fs.ErrNotExist) {
		key, err = makeKey(k.private)
	}
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	if err := k.trust(key); err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	k.key = key
	return key, nil
}

// trust writes the trust root when there is none, and checks it otherwise: an
// existing one is the operator's and is not changed.
func (k *keyring) trust(key ed25519.PrivateKey) error {
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		return errors.New("it has no Ed25519 public key")
	}
	block, err := decision.MarshalPublicKey(public)
	if err != nil {
		return err
	}
	if err := writeNew(k.public, block, 0o644); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("write trust root: %w", err)
	}
	root, err := decision.LoadTrustRoot(k.public)
	if err != nil {
		return err
	}
	if !root.Trusts(public) {
		return fmt.Errorf("the trust root %s does not hold the key of %s; append its public key, or remove both files to start anew", k.public, k.private)
	}
	return nil
}

func readKey(path string) (ed25519.PrivateKey, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%s is open to others (mode %04o); run chmod 600 on it", path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, err
	}
	block, rest := pem.Decode(data)
	if block == nil || block.Type != pemPrivateKey || len(bytes.TrimSpace(rest)) > 0 {
		return nil, fmt.Errorf("%s is not one PEM block %q", path, pemPrivateKey)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("read %s: it is no PKCS#8 key", path) // the cause could quote it
	}
	key, ok := parsed.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("%s holds a %T, not an Ed25519 key", path, parsed)
	}
	return key, nil
}

// makeKey makes a key. Of two runners that do so at once, one wins and both use
// its key.
func makeKey(path string) (ed25519.PrivateKey, error) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode key: %w", err)
	}
	if err := writeNew(path, pem.EncodeToMemory(&pem.Block{Type: pemPrivateKey, Bytes: der}), 0o600); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return readKey(path)
		}
		return nil, fmt.Errorf("write key: %w", err)
	}
	return key, nil
}

// writeNew writes a file that does not exist yet, whole or not at all.
func writeNew(path string, data []byte, mode fs.FileMode) (err error) {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(f.Name())) }()
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err != nil {
		return err
	}
	return os.Link(f.Name(), path) // unlike Rename, it never replaces
}
