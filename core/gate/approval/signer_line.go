package approval

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// parseSigner reads one line: principals, options, a key, a comment.
func parseSigner(line string) (signer, error) {
	principals, rest, ok := strings.Cut(strings.ReplaceAll(line, "\t", " "), " ")
	if !ok {
		return signer{}, errors.New("there is no key behind the principals")
	}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(strings.TrimSpace(rest)))
	if err != nil {
		return signer{}, errors.New("the key cannot be read: a line is principals, options without spaces between them, and a public key")
	}
	s := signer{principals: strings.Trim(principals, `"`), key: key}
	if s.principals == "" {
		return signer{}, errors.New("there are no principals")
	}
	if err := checkKey(key); err != nil {
		return signer{}, err
	}
	for _, option := range options {
		if err := s.option(option); err != nil {
			return signer{}, err
		}
	}
	return s, nil
}

func checkKey(key ssh.PublicKey) error {
	if strings.Contains(key.Type(), "-cert-v01@") {
		return errors.New("it holds a certificate; only keys count here")
	}
	if public, ok := key.(ssh.CryptoPublicKey); ok {
		if r, ok := public.CryptoPublicKey().(*rsa.PublicKey); ok && r.N.BitLen() < minRSABits {
			return fmt.Errorf("its RSA key has %d bits, fewer than %d", r.N.BitLen(), minRSABits)
		}
	}
	return nil
}

// option reads one option. Their names are not case-sensitive.
func (s *signer) option(option string) error {
	name, value, _ := strings.Cut(option, "=")
	value = strings.Trim(value, `"`)
	var err error
	switch strings.ToLower(name) {
	case "cert-authority":
		return errors.New("cert-authority is not supported: name each person's own key")
	case "namespaces":
		if s.namespaces = value; value == "" {
			err = errors.New("namespaces is empty")
		}
	case "valid-after":
		s.after, err = parseTime(value)
	case "valid-before":
		s.before, err = parseTime(value)
	default:
		err = fmt.Errorf("there is no option %.40q: use namespaces, valid-after and valid-before", name)
	}
	return err
}

// parseTime reads a time as ssh-keygen does: YYYYMMDD, YYYYMMDDHHMM or
// YYYYMMDDHHMMSS, with Z for UTC, else in this machine's zone.
func parseTime(text string) (time.Time, error) {
	zone := time.Local
	digits, utc := strings.CutSuffix(text, "Z")
	if utc {
		zone = time.UTC
	}
	for _, form := range []string{"20060102", "200601021504", "20060102150405"} {
		if len(digits) == len(form) {
			if t, err := time.ParseInLocation(form, digits, zone); err == nil {
				return t, nil
			}
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is not a time: write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, and Z for UTC", text)
}

// matchList reports whether a text matches a list of patterns, as OpenSSH does:
// one that begins with ! and matches settles it.
func matchList(list, text string) bool {
	found := false
	for pattern := range strings.SplitSeq(list, ",") {
		not, negated := strings.CutPrefix(pattern, "!")
		if negated && match(not, text) {
			return false
		}
		found = found || !negated && match(pattern, text)
	}
	return found
}

// match knows * and ?. It takes time in proportion to both lengths.
func match(pattern, text string) bool {
	p, t, star, mark := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p++
			t++
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
