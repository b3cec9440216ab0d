package secret

import (
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/core/secret/sops"
)

// Sops is a value in a file that was encrypted with sops for age recipients.
type Sops struct {
	File         string   // absolute path
	Key          []string // where in the file, from the top; empty for a binary file
	IdentityFile string   // absolute path, as in Age
}

func (s *Sops) decrypt() ([]byte, error) {
	identities, err := readIdentities(s.IdentityFile)
	if err != nil {
		return nil, err
	}
	content, err := readUnforged(s.File, sops.MaxFile)
	if err != nil {
		return nil, err
	}
	value, err := sops.Value(content, s.Key, identities)
	if _, ok := errors.AsType[*sops.UnsupportedError](err); ok {
		return nil, fmt.Errorf("read the sops file %s: %w; use command = [\"sops\", \"decrypt\", \"--extract\", …] for it", s.File, err)
	}
	if err != nil {
		return nil, fmt.Errorf("read the sops file %s: %w", s.File, err)
	}
	return value, nil
}
