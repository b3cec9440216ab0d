package decision

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth is far more than a statement needs.
const maxDepth = 32

// decodeStrict reads one JSON value. The standard decoder takes the last of two
// equal names and ignores case, so two readers of one document could disagree
// about what was signed: such documents are refused. Unknown names are left
// alone, as in-toto asks, so that an older plugin reads a newer decision.
func decodeStrict(data []byte, into any) error {
	if !utf8.Valid(data) {
		return errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := checkValue(d, 0); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is more after the value")
	}
	return json.Unmarshal(data, into)
}

func checkValue(d *json.Decoder, depth int) error {
	token, err := d.Token()
	if err != nil {
		return err
	}
	open, nested := token.(json.Delim)
	if !nested {
		return nil
	}
	if depth == maxDepth {
		return fmt.Errorf("it is nested more than %d deep", maxDepth)
	}
	names := make(map[string]bool)
	for d.More() {
		if open == '{' {
			name, err := d.Token()
			if err != nil {
				return err
			}
			text, _ := name.(string) // the decoder admits nothing else here
			folded := strings.ToLower(text)
			if names[folded] {
				return fmt.Errorf("%w: %q", errDuplicateName, text)
			}
			names[folded] = true
		}
		if err := checkValue(d, depth+1); err != nil {
			return err
		}
	}
	_, err = d.Token()
	return err
}
