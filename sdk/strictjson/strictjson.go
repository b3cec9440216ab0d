// Package strictjson refuses JSON documents that two readers could understand
// differently: names that appear twice in one object (also in another case,
// which encoding/json ignores), text that is not UTF-8, more than one value,
// and nesting without end. It imports the standard library only.
package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// MaxDepth bounds nesting; rendered objects of a cluster stay far below it.
const MaxDepth = 64

// ErrDuplicate says that a name appears twice in one object.
var ErrDuplicate = errors.New("a name appears twice in one object")

// Check reports why data is not one unambiguous JSON value. Names that differ
// only in case are left to FoldedCheck: maps may hold them.
func Check(data []byte) error {
	return check(data, func(name string) string { return name })
}

// FoldedCheck is Check for documents that are decoded into structs, where
// encoding/json takes a name in any case for the field's.
func FoldedCheck(data []byte) error { return check(data, strings.ToLower) }

// Unmarshal decodes a document that FoldedCheck accepts.
func Unmarshal(data []byte, into any) error {
	if err := FoldedCheck(data); err != nil {
		return err
	}
	return json.Unmarshal(data, into)
}

func check(data []byte, fold func(string) string) error {
	if !utf8.Valid(data) {
		return errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := checkValue(d, fold, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the value")
	}
	return nil
}

func checkValue(d *json.Decoder, fold func(string) string, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == MaxDepth {
		return fmt.Errorf("it is nested more than %d deep", MaxDepth)
	}
	names := make(map[string]bool)
	for d.More() {
		if open == '{' {
			token, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := token.(string) // the decoder admits nothing else here
			if names[fold(name)] {
				return fmt.Errorf("%w: %.64q", ErrDuplicate, name)
			}
			names[fold(name)] = true
		}
		if err := checkValue(d, fold, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
