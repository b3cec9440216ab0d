package promptfoo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/stagegate/stagegate/plugins/test/document"
)

// object reads a whole object, calling each with the name of every member.
func (r *reader) object(path string, each func(name string) error) error {
	token, err := r.token()
	if err != nil {
		return err
	}
	if token != json.Delim('{') {
		return errors.New("it is not a JSON object")
	}
	if err := r.members(path, each); err != nil {
		return err
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more text after the JSON value")
	}
	return nil
}

// members reads up to the end of the open object.
func (r *reader) members(path string, each func(name string) error) error {
	seen := make(map[string]bool)
	for r.dec.More() {
		token, err := r.token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // the decoder admits nothing else here
		if seen[name] {
			return fmt.Errorf("%s%.40s is there twice", path, name)
		}
		if seen[name] = true; len(seen) > 1_000 {
			return errors.New("an object has more than 1000 members")
		}
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := r.token()
	return err
}

func (r *reader) token() (json.Token, error) {
	r.in.left = maxValue
	token, err := r.dec.Token()
	return token, explained(err)
}

// value reads the next value, whatever it is.
func (r *reader) value() (document.Value, error) {
	r.in.left = maxValue
	var raw json.RawMessage
	if err := r.dec.Decode(&raw); err != nil {
		return document.Value{}, explained(err)
	}
	v, err := document.Parse(raw)
	return v, withoutLine(err)
}

func explained(err error) error {
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the text ends in the middle of the JSON value")
	case errors.As(err, &syntax):
		return fmt.Errorf("not valid JSON at byte %d: %w", syntax.Offset, err)
	}
	return err
}

// meter bounds what is read for one value, and for all.
type meter struct {
	r           io.Reader
	left, total int64
}

// Read is an error once a value, or the file, is too large.
func (m *meter) Read(p []byte) (int, error) {
	if m.left <= 0 || m.total <= 0 {
		return 0, fmt.Errorf("one value of it is larger than %d MiB, or all of it larger than %d GiB", maxValue>>20, maxBytes>>30)
	}
	n, err := m.r.Read(p[:min(int64(len(p)), m.left)])
	m.left -= int64(n)
	m.total -= int64(n)
	return n, err
}
