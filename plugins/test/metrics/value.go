package metrics

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// firstValue is the JSON value that text begins with, and how many bytes were
// read for it, or until it turned out to be none.
func firstValue(text []byte) (json.RawMessage, int, error) {
	dec := json.NewDecoder(bytes.NewReader(text))
	var value json.RawMessage
	err := dec.Decode(&value)
	if err == nil {
		return value, int(dec.InputOffset()), nil
	}
	var syntax *json.SyntaxError
	switch {
	case errors.As(err, &syntax):
		at := min(int(syntax.Offset), len(text))
		return nil, at, explain(text, at, syntax)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return nil, len(text), errors.New("the text ends in the middle of the JSON value")
	case errors.Is(err, io.EOF):
		return nil, len(text), errors.New("there is nothing in it")
	}
	return nil, len(text), err
}

// explain has words of its own for NaN and Infinity, which Python writes
// although JSON has neither.
func explain(text []byte, at int, err *json.SyntaxError) error {
	for _, word := range []string{"NaN", "Infinity"} {
		if at > 0 && bytes.HasPrefix(text[at-1:], []byte(word)) {
			return fmt.Errorf("a value is %s at byte %d; a metric is a finite number", word, at)
		}
	}
	return fmt.Errorf("not valid JSON at byte %d: %w", at, err)
}
