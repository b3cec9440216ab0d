package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/armor"
	"golang.org/x/crypto/ssh"
)

// maxEncrypted bounds an age file: a secret, its armor, and a header with many
// recipients.
const maxEncrypted = 1 << 20

// maxIdentities bounds an identity file, in bytes.
const maxIdentities = 64 << 10

// Age is a file that was encrypted with age, binary or armored.
type Age struct {
	File         string // absolute path
	IdentityFile string // absolute path of a file with identities, or of an SSH key
}

func (a *Age) decrypt() ([]byte, error) {
	identities, err := readIdentities(a.IdentityFile)
	if err != nil {
		return nil, err
	}
	content, err := readUnforged(a.File, maxEncrypted)
	if err != nil {
		return nil, err
	}
	var from io.Reader = bytes.NewReader(content)
	if bytes.HasPrefix(bytes.TrimSpace(content), []byte(armor.Header)) {
		from = armor.NewReader(from)
	}
	plain, err := age.Decrypt(from, identities...)
	if err != nil {
		return nil, a.refusal(err)
	}
	value, err := io.ReadAll(io.LimitReader(plain, MaxSize+2)) // with a line end
	if err != nil {
		return nil, fmt.Errorf("the file %s is damaged", a.File)
	}
	return value, nil
}

// refusal says why age has not opened the file, in words of our own.
func (a *Age) refusal(err error) error {
	mismatch, ok := errors.AsType[*age.NoIdentityMatchError](err)
	switch {
	case ok && slices.Contains(mismatch.StanzaTypes, "scrypt"):
		return fmt.Errorf("the file %s is encrypted with a passphrase, which nobody can type in here; encrypt it for a recipient", a.File)
	case ok:
		return fmt.Errorf("the file %s is encrypted for none of the identities in %s; encrypt it for one of them too", a.File, a.IdentityFile)
	default:
		return fmt.Errorf("the file %s is damaged, or was not encrypted with age", a.File)
	}
}

// readIdentities reads private keys: a file of age's own, or an SSH key.
func readIdentities(path string) ([]age.Identity, error) {
	content, err := readPrivate(path, maxIdentities)
	if err != nil {
		return nil, err
	}
	switch head := bytes.TrimSpace(content); {
	case bytes.HasPrefix(head, []byte("age-encryption.org/")), bytes.HasPrefix(head, []byte(armor.Header)):
		return nil, fmt.Errorf("the identity file %s is encrypted itself, and nobody can type its passphrase in here; use one that is not, readable by its owner alone", path)
	case bytes.HasPrefix(head, []byte("-----BEGIN")):
		return sshIdentity(path, content)
	}
	var out []age.Identity
	n := 0
	for line := range strings.Lines(string(content)) {
		n++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "AGE-PLUGIN-") {
			return nil, fmt.Errorf("line %d of the identity file %s is for a plugin of age, which the runner does not start; use command = [\"age\", \"--decrypt\", …] instead", n, path)
		}
		some, err := age.ParseIdentities(strings.NewReader(line))
		if err != nil {
			return nil, fmt.Errorf("line %d of the identity file %s is not an identity of age", n, path) // the cause may quote it
		}
		out = append(out, some...)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("the identity file %s holds no identity; age-keygen makes one", path)
	}
	return out, nil
}

func sshIdentity(path string, pem []byte) ([]age.Identity, error) {
	identity, err := agessh.ParseIdentity(pem)
	if _, ok := errors.AsType[*ssh.PassphraseMissingError](err); ok {
		return nil, fmt.Errorf("the SSH key %s has a passphrase, which nobody can type in here; use one without", path)
	}
	if err != nil {
		return nil, fmt.Errorf("the file %s is not an SSH key that age can use: those are ssh-ed25519 and ssh-rsa", path)
	}
	return []age.Identity{identity}, nil
}
