package encryption

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
	"filippo.io/age/plugin"
	"filippo.io/age/tag"
	"golang.org/x/crypto/ssh"
)

// maxRecipients bounds the header of an encrypted file.
const maxRecipients = 100

// Recipient is one who can open what is encrypted.
type Recipient struct {
	// Fingerprint names the key without being it: SHA256:… for an SSH key, as
	// ssh-keygen -l shows it, and the digest of the recipient's text otherwise.
	Fingerprint string

	recipient age.Recipient
	quantum   bool // withstands a quantum computer, and may not be mixed with others
}

// ParseRecipient reads a public key as age writes it (X25519, hybrid, tagged, or
// of a plugin), or an SSH public key.
func ParseRecipient(text string) (Recipient, error) {
	text = strings.TrimSpace(text)
	sum := sha256.Sum256([]byte(text))
	r := Recipient{Fingerprint: "sha256:" + hex.EncodeToString(sum[:])}
	var err error
	switch {
	case strings.HasPrefix(text, "AGE-") || strings.Contains(text, "PRIVATE KEY"):
		return Recipient{}, errors.New("it is a secret key, which must not be here; name the public key that belongs to it (age-keygen -y shows it)")
	case strings.HasPrefix(text, "age1pq1"):
		r.quantum = true
		r.recipient, err = age.ParseHybridRecipient(text)
	case strings.HasPrefix(text, "age1tag1"), strings.HasPrefix(text, "age1tagpq1"):
		var tagged *tag.Recipient
		if tagged, err = tag.ParseRecipient(text); err == nil {
			r.recipient, r.quantum = tagged, tagged.Hybrid()
		}
	case strings.HasPrefix(text, "age1") && strings.Count(text, "1") > 1:
		r.recipient, err = plugin.NewRecipient(text, nobody())
	case strings.HasPrefix(text, "age1"):
		r.recipient, err = age.ParseX25519Recipient(text)
	case strings.HasPrefix(text, "ssh-"):
		if r.recipient, err = agessh.ParseRecipient(text); err == nil {
			r.Fingerprint, err = sshFingerprint(text)
		}
	default:
		return Recipient{}, fmt.Errorf("%.60q is no recipient: those begin with age1, ssh-ed25519 or ssh-rsa", text)
	}
	if err != nil {
		return Recipient{}, fmt.Errorf("%.60q is not a usable recipient: %w", text, err)
	}
	return r, nil
}

func sshFingerprint(text string) (string, error) {
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text)) //nolint:dogsled // the rest is a comment and options
	if err != nil {
		return "", err
	}
	return ssh.FingerprintSHA256(key), nil
}

// ParseRecipients reads a file with one recipient a line; empty lines and those
// that begin with # do not count.
func ParseRecipients(content []byte) ([]Recipient, error) {
	var out []Recipient
	lines := bufio.NewScanner(bytes.NewReader(content))
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		r, err := ParseRecipient(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		out = append(out, r)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read recipients: %w", err)
	}
	if len(out) == 0 {
		return nil, errors.New("it holds no recipient")
	}
	return out, nil
}

// CheckRecipients says why recipients cannot be used together, if so.
func CheckRecipients(all []Recipient) error {
	if len(all) > maxRecipients {
		return fmt.Errorf("there are more than %d recipients", maxRecipients)
	}
	quantum := 0
	for _, r := range all {
		if r.quantum {
			quantum++
		}
	}
	if quantum > 0 && quantum < len(all) {
		return errors.New("hybrid recipients (age1pq1…) withstand a quantum computer, and the others would undo that: use hybrid ones for all, or for none")
	}
	return nil
}

// nobody answers plugins of age: there is no person here.
func nobody() *plugin.ClientUI {
	alone := errors.New("there is nobody to ask")
	return &plugin.ClientUI{
		DisplayMessage: func(string, string) error { return nil },
		RequestValue:   func(string, string, bool) (string, error) { return "", alone },
		Confirm:        func(string, string, string, string) (bool, error) { return false, alone },
	}
}
