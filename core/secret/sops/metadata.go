package sops

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"filippo.io/age"
	"filippo.io/age/armor"
)

// defaultUnencrypted marks what stays in clear where a file has no rule.
const defaultUnencrypted = "_unencrypted"

// dataKeySize is that of AES-256.
const dataKeySize = 32

// metadata is what a file says about its own encryption.
type metadata struct {
	ageKeys      []string // the data key, encrypted for each recipient, armored
	others       []string // other ways to the data key, by name
	mac          string
	modified     string // part of the MAC
	macEncrypted bool   // the MAC covers encrypted values only
	encrypted    func(path []string) bool
}

// takeMetadata splits the member "sops" off.
func takeMetadata(tree object) (*metadata, object, error) {
	v, ok := child(tree, "sops")
	in, isObject := v.(object)
	if !ok || !isObject {
		return nil, nil, errors.New("it is not a file that sops has encrypted: it has no member \"sops\"")
	}
	rest := make(object, 0, len(tree))
	for _, m := range tree {
		if m.key != "sops" {
			rest = append(rest, m)
		}
	}
	if groups, _ := child(in, "key_groups"); groups != nil {
		return nil, nil, unsupported("its data key is split over several key groups")
	}
	out := &metadata{mac: in.text("mac")}
	modified, err := time.Parse(time.RFC3339, in.text("lastmodified"))
	if err != nil || out.mac == "" {
		return nil, nil, errors.New("its member \"sops\" lacks a MAC or the time of the last change")
	}
	out.modified = modified.Format(time.RFC3339)
	only, _ := child(in, "mac_only_encrypted")
	out.macEncrypted, _ = only.(bool)
	out.takeKeys(in)
	out.encrypted, err = rule(in)
	return out, rest, err
}

// text is a member that is a text, or empty.
func (o object) text(key string) string {
	switch v, _ := child(o, key); v := v.(type) {
	case string:
		return v
	case time.Time:
		return v.Format(time.RFC3339) // YAML without quotes
	default:
		return ""
	}
}

func (m *metadata) takeKeys(in object) {
	keys, _ := child(in, "age")
	list, _ := keys.([]any)
	for _, entry := range list {
		if o, ok := entry.(object); ok && o.text("enc") != "" {
			m.ageKeys = append(m.ageKeys, o.text("enc"))
		}
	}
	for _, other := range []string{"pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "hckms"} {
		v, _ := child(in, other)
		if list, _ := v.([]any); len(list) > 0 {
			m.others = append(m.others, other)
		}
	}
}

// rule is which values are encrypted.
func rule(in object) (func(path []string) bool, error) {
	for _, name := range []string{"encrypted_comment_regex", "unencrypted_comment_regex"} {
		if in.text(name) != "" {
			return nil, unsupported("comments say what of it is encrypted (%s)", name)
		}
	}
	some := func(want bool, match func(string) bool) func([]string) bool {
		return func(path []string) bool {
			for _, key := range path {
				if match(key) {
					return want
				}
			}
			return !want
		}
	}
	for name, want := range map[string]bool{"encrypted_suffix": true, "unencrypted_suffix": false} {
		if suffix := in.text(name); suffix != "" {
			return some(want, func(key string) bool { return strings.HasSuffix(key, suffix) }), nil
		}
	}
	for name, want := range map[string]bool{"encrypted_regex": true, "unencrypted_regex": false} {
		if pattern := in.text(name); pattern != "" {
			compiled, err := regexp.Compile(pattern)
			if err != nil {
				return nil, fmt.Errorf("its %s is not valid", name)
			}
			return some(want, compiled.MatchString), nil
		}
	}
	return some(false, func(key string) bool { return strings.HasSuffix(key, defaultUnencrypted) }), nil
}

// dataKey is the key of all values. It was encrypted for each recipient.
func (m *metadata) dataKey(identities []age.Identity) ([]byte, error) {
	if len(m.ageKeys) == 0 {
		if len(m.others) == 0 {
			return nil, errors.New("nobody can decrypt it: it names no recipient")
		}
		return nil, unsupported("it is encrypted for %s and for no age recipient", strings.Join(m.others, ", "))
	}
	for _, enc := range m.ageKeys {
		r, err := age.Decrypt(armor.NewReader(strings.NewReader(enc)), identities...)
		if err != nil {
			continue
		}
		var key bytes.Buffer
		if _, err := io.Copy(&key, io.LimitReader(r, dataKeySize+1)); err == nil && key.Len() == dataKeySize {
			return key.Bytes(), nil
		}
	}
	return nil, fmt.Errorf("none of its %d age recipients is an identity in the identity file", len(m.ageKeys))
}
