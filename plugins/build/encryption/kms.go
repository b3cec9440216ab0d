package encryption

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"filippo.io/age"
	"github.com/stagegate/stagegate/sdk/process"
)

// kmsStanza is the type of a stanza whose body a KMS has wrapped; its argument is
// the key's name. Other programs pass over it.
const kmsStanza = "stagegate.dev/kms"

const (
	fileKeySize = 16       // bytes, by age's format
	maxWrapped  = 32 << 10 // what a KMS may make of them
	maxComplain = 2 << 10  // what is shown of its complaint
)

// Command wraps or unwraps a file key with a key management system: the one
// comes on its standard input, the other goes to its standard output, both as
// they are. A key is never an argument, a variable or a line of a log.
type Command struct {
	Args      []string
	Key       string // names the key in annotations; one word
	Dir       string // working folder
	AttemptID string
}

// CheckKeyName says why a name cannot stand for a key.
func CheckKeyName(name string) error {
	if name == "" || len(name) > 300 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("a key is named by up to 300 printable ASCII characters without spaces, for example arn:aws:kms:eu-central-1:111122223333:alias/models")
	}
	return nil
}

// wrapper is a Command while it encrypts.
type wrapper struct {
	ctx     context.Context // of the one call of Seal that owns it
	command Command
}

// Wrap implements age.Recipient.
func (w *wrapper) Wrap(fileKey []byte) ([]*age.Stanza, error) {
	wrapped, err := w.command.run(w.ctx, fileKey, fileKey)
	if err != nil {
		return nil, err
	}
	if bytes.Contains(wrapped, fileKey) {
		return nil, fmt.Errorf("%s gave the key back as it was: it wraps nothing", w.command.program())
	}
	return []*age.Stanza{{Type: kmsStanza, Args: []string{w.command.Key}, Body: wrapped}}, nil
}

// unwrapper is a Command while it decrypts.
type unwrapper struct {
	ctx     context.Context // of the one call of Open that owns it
	command Command
}

// Unwrap implements age.Identity.
func (u *unwrapper) Unwrap(stanzas []*age.Stanza) ([]byte, error) {
	var problem error
	for _, s := range stanzas {
		if s.Type != kmsStanza || len(s.Args) != 1 {
			continue
		}
		if u.command.Key != "" && s.Args[0] != u.command.Key {
			continue
		}
		key, err := u.command.run(u.ctx, s.Body, nil)
		if err == nil && len(key) != fileKeySize {
			err = fmt.Errorf("%s gave %d bytes where a key has %d", u.command.program(), len(key), fileKeySize)
		}
		if err == nil {
			return key, nil
		}
		problem = errors.Join(problem, err)
	}
	if problem != nil {
		return nil, problem
	}
	return nil, age.ErrIncorrectIdentity
}

func (c Command) program() string { return filepath.Base(c.Args[0]) }

// run gives the command its input and takes its output. Secret is masked in what
// it complains about.
func (c Command) run(ctx context.Context, input, secret []byte) ([]byte, error) {
	stdout, stderr := &bounded{limit: maxWrapped}, &bounded{limit: maxComplain}
	exit, err := process.Run(ctx, process.Command{
		Args: c.Args, Dir: c.Dir, AttemptID: c.AttemptID,
		Stdin: bytes.NewReader(input), Stdout: stdout, Stderr: stderr,
	})
	switch {
	case err != nil:
		return nil, err
	case exit.Code != 0:
		return nil, fmt.Errorf("%s ended with exit code %d: %s", c.program(), exit.Code, masked(stderr.Bytes(), secret))
	case stdout.over:
		return nil, fmt.Errorf("%s printed more than %d bytes", c.program(), maxWrapped)
	case stdout.Len() == 0:
		return nil, fmt.Errorf("%s printed nothing where a key should be", c.program())
	}
	return stdout.Bytes(), nil
}

// masked is what a program complains about, without the key in any usual form.
func masked(complaint, secret []byte) string {
	text := strings.ToValidUTF8(strings.TrimSpace(string(complaint)), "?")
	if text == "" {
		return "it says nothing"
	}
	if len(secret) == 0 {
		return text
	}
	if bytes.Contains(complaint, secret) {
		return "(its words have the key in them)"
	}
	for _, form := range []string{
		hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
		base64.RawStdEncoding.EncodeToString(secret), base64.RawURLEncoding.EncodeToString(secret),
	} {
		text = strings.ReplaceAll(text, form, "***")
	}
	return text
}

// bounded keeps the beginning of what is written.
type bounded struct {
	bytes.Buffer
	limit int
	over  bool
}

// Write implements io.Writer; it never fails, so that nobody gets a signal.
func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.Len()
	if len(p) > room {
		b.over = true
	}
	_, _ = b.Buffer.Write(p[:min(len(p), max(room, 0))])
	return len(p), nil
}

var _ io.Writer = (*bounded)(nil)
