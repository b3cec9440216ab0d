package gate

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/stagegate/stagegate/core/keyfile"
	"github.com/stagegate/stagegate/sdk/decision"
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
	key, err := keyfile.Ed25519(k.private)
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
	if err := keyfile.WriteNew(k.public, block, 0o644); err != nil && !errors.Is(err, fs.ErrExist) {
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
