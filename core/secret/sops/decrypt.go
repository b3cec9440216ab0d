package sops

import (
	"errors"
	"fmt"
	"strconv"

	"filippo.io/age"
)

// MaxFile bounds a file, in bytes.
const MaxFile = 1 << 20

// UnsupportedError says that the file is one that this package does not
// decrypt. The sops program may.
type UnsupportedError struct{ Why string }

// Error says why.
func (e *UnsupportedError) Error() string { return e.Why }

func unsupported(format string, args ...any) error {
	return &UnsupportedError{Why: fmt.Sprintf(format, args...)}
}

// Value decrypts a file and gives the value at a key: names of members and
// numbers of elements from the top. Without a key it gives the content of a
// binary file. Nothing is given of a file whose MAC does not match.
func Value(file []byte, key []string, identities []age.Identity) ([]byte, error) {
	if len(file) > MaxFile {
		return nil, fmt.Errorf("it has more than %d bytes", MaxFile)
	}
	tree, err := parse(file)
	if err != nil {
		return nil, err
	}
	meta, tree, err := takeMetadata(tree)
	if err != nil {
		return nil, err
	}
	dataKey, err := meta.dataKey(identities)
	if err != nil {
		return nil, err
	}
	plain, err := open(tree, meta, dataKey)
	if err != nil {
		return nil, err
	}
	if len(key) == 0 {
		if len(plain) != 1 || plain[0].key != "data" {
			return nil, errors.New("it holds more than one value: say which with key")
		}
		key = []string{"data"}
	}
	return at(plain, key)
}

// at is the text of the scalar at a key.
func at(from any, key []string) ([]byte, error) {
	for i, step := range key {
		next, ok := child(from, step)
		if !ok {
			return nil, fmt.Errorf("it has no %s", keyText(key[:i+1]))
		}
		from = next
	}
	switch v := from.(type) {
	case nil:
		return nil, fmt.Errorf("%s is null", keyText(key))
	case bool:
		return strconv.AppendBool(nil, v), nil // not as the MAC has it
	case object, []any:
		return nil, fmt.Errorf("%s is not one value: a key may have several steps, such as [\"database\", \"password\"]", keyText(key))
	}
	return text(from), nil
}

func child(of any, step string) (any, bool) {
	switch of := of.(type) {
	case object:
		for _, m := range of {
			if m.key == step {
				return m.value, true
			}
		}
	case []any:
		if n, err := strconv.Atoi(step); err == nil && n >= 0 && n < len(of) {
			return of[n], true
		}
	}
	return nil, false
}

// keyText is a key as sops writes it.
func keyText(key []string) string {
	out := ""
	for _, step := range key {
		out += "[" + strconv.Quote(step) + "]"
	}
	return out
}
