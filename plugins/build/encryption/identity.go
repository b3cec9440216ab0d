package encryption

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/plugin"
	"golang.org/x/crypto/ssh"
)

// Identities are what opens an envelope.
type Identities []age.Identity

// ParseIdentities reads secret keys: those of age, one a line, or an SSH key.
// Messages never quote what they are about.
func ParseIdentities(secret []byte) (Identities, error) {
	if head := bytes.TrimSpace(secret); bytes.HasPrefix(head, []byte("-----BEGIN")) {
		return sshIdentity(secret)
	}
	var out Identities
	n := 0
	for line := range strings.Lines(string(secret)) {
		n++
		line = strings.TrimSpace(line)
		var some []age.Identity
		var err error
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
			continue
		case strings.HasPrefix(line, "AGE-PLUGIN-"):
			var one *plugin.Identity
			if one, err = plugin.NewIdentity(line, nobody()); err == nil {
				some = []age.Identity{one}
			}
		default:
			some, err = age.ParseIdentities(strings.NewReader(line))
		}
		if err != nil {
			return nil, fmt.Errorf("line %d of the identity is not a secret key of age", n) // the cause may quote it
		}
		out = append(out, some...)
	}
	if len(out) == 0 {
		return nil, errors.New("the identity holds no secret key; age-keygen makes one")
	}
	return out, nil
}

func sshIdentity(pem []byte) (Identities, error) {
	identity, err := agessh.ParseIdentity(pem)
	var locked *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &locked):
		return nil, errors.New("the identity is an SSH key with a passphrase, which nobody can type in here; use one without")
	case err != nil:
		return nil, errors.New("the identity is not an SSH key that age can use: those are ssh-ed25519 and ssh-rsa")
	}
	return Identities{identity}, nil
}

// Unwrapping opens what was encrypted for a KMS.
func Unwrapping(ctx context.Context, kms Command) Identities {
	return Identities{&unwrapper{ctx: ctx, command: kms}}
}

// Reader decrypts a whole file. Each chunk is authenticated before it is given
// out, and the end is.
func (ids Identities) Reader(src io.Reader) (io.Reader, error) {
	r, err := age.Decrypt(src, ids...)
	if err != nil {
		return nil, explain(err)
	}
	return r, nil
}

// ReaderAt decrypts at any offset. It also returns the plaintext's size, which
// has been authenticated.
func (ids Identities) ReaderAt(src io.ReaderAt, size int64) (io.ReaderAt, int64, error) {
	r, plain, err := age.DecryptReaderAt(src, size, ids...)
	if err != nil {
		return nil, 0, explain(err)
	}
	return r, plain, nil
}

// ErrNoKey says that none of the identities opens a file.
var ErrNoKey = errors.New("none of the identities opens it")

func explain(err error) error {
	var mismatch *age.NoIdentityMatchError
	if !errors.As(err, &mismatch) {
		return fmt.Errorf("decrypt: %w", err)
	}
	slices.Sort(mismatch.StanzaTypes)
	return fmt.Errorf("%w: it is encrypted for keys of the kinds %s", ErrNoKey,
		strings.Join(slices.Compact(mismatch.StanzaTypes), ", "))
}
