package approval

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Bounds of a file of allowed signers.
const (
	maxSigners = 1 << 20 // bytes
	minRSABits = 2048
)

// Signers are the people whose voice may count, and their keys: a file in the
// format of ssh-keygen's allowed signers.
type Signers struct {
	path  string
	lines []signer
}

// signer is one line of the file.
type signer struct {
	number     int
	principals string // a list of patterns
	namespaces string // a list of patterns; empty means any
	after      time.Time
	before     time.Time // zero means for ever
	key        ssh.PublicKey
}

// LoadSigners reads a file of allowed signers. It must not be writable by group
// or others: whoever writes it decides who may approve.
func LoadSigners(path string) (*Signers, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read allowed signers: %w", err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read allowed signers: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("read allowed signers: %s is not a regular file", path)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("read allowed signers: %s can be written by group or others (mode %04o), who could approve anything; run chmod go-w on it", path, info.Mode().Perm())
	}
	data, err := io.ReadAll(io.LimitReader(f, maxSigners+1))
	if err != nil {
		return nil, fmt.Errorf("read allowed signers: %w", err)
	}
	if len(data) > maxSigners {
		return nil, fmt.Errorf("read allowed signers: %s has more than %d bytes", path, maxSigners)
	}
	lines, err := parseSigners(data)
	if err != nil {
		return nil, fmt.Errorf("read allowed signers: %s %w", path, err)
	}
	return &Signers{path: path, lines: lines}, nil
}

// parseSigners refuses what it does not understand: a line that was passed over
// could be one that takes somebody's right away.
func parseSigners(data []byte) ([]signer, error) {
	var out []signer
	number := 0
	for raw := range bytes.Lines(data) {
		number++
		line := strings.TrimSpace(string(raw))
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := parseSigner(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		s.number = number
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, errors.New("names nobody")
	}
	return out, nil
}

// Principals are the names that a key may speak for, as far as they are written
// out. Exact is false when the file also gives it patterns.
func (s *Signers) Principals(key ssh.PublicKey, now time.Time) (names []string, exact bool) {
	exact = true
	for _, line := range s.lines {
		if !sameKey(line.key, key) || line.refuses(now) != nil {
			continue
		}
		for name := range strings.SplitSeq(line.principals, ",") {
			switch {
			case strings.ContainsAny(name, "*?!"):
				exact = false
			case !slices.Contains(names, name):
				names = append(names, name)
			}
		}
	}
	return names, exact
}

// Knows reports whether anybody may speak under a name now.
func (s *Signers) Knows(principal string, now time.Time) bool {
	return slices.ContainsFunc(s.lines, func(line signer) bool {
		return matchList(line.principals, principal) && line.refuses(now) == nil
	})
}

// permits is why a key may not speak for a principal now.
func (s *Signers) permits(key ssh.PublicKey, principal string, now time.Time) error {
	reason := fmt.Errorf("key %s is not among the allowed signers", ssh.FingerprintSHA256(key))
	for _, line := range s.lines {
		if !sameKey(line.key, key) {
			continue
		}
		if !matchList(line.principals, principal) {
			reason = fmt.Errorf("key %s is not one of %q (line %d of the allowed signers)", ssh.FingerprintSHA256(key), principal, line.number)
			continue
		}
		if reason = line.refuses(now); reason == nil {
			return nil
		}
	}
	return reason
}

// Permits is why a key may not speak for a principal now, or nil.
func (s *Signers) Permits(key ssh.PublicKey, principal string, now time.Time) error {
	return s.permits(key, principal, now)
}

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// refuses is why a line does not count now.
func (l signer) refuses(now time.Time) error {
	switch {
	case l.namespaces != "" && !matchList(l.namespaces, Namespace):
		return fmt.Errorf("the key may not approve: line %d of the allowed signers is for other namespaces than %s", l.number, Namespace)
	case now.Before(l.after):
		return fmt.Errorf("the key is valid after %s only (line %d of the allowed signers)", stamp(l.after), l.number)
	case !l.before.IsZero() && !now.Before(l.before):
		return fmt.Errorf("the key was valid before %s only (line %d of the allowed signers)", stamp(l.before), l.number)
	}
	return nil
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
