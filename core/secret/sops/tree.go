package sops

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// maxDepth bounds how deeply a file is nested.
const maxDepth = 64

// object is a mapping in the order of the file: the MAC depends on it. Values
// are object, []any, string, int, float64, bool, time.Time, comment or nil.
type object []member

type member struct {
	key   string
	value any
}

// comment is an element that was a comment of a list.
type comment struct{}

var errTooDeep = fmt.Errorf("it is nested deeper than %d levels", maxDepth)

// parse reads JSON, or else YAML.
func parse(file []byte) (object, error) {
	if trimmed := bytes.TrimSpace(file); len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) {
		return parseJSON(trimmed)
	}
	return parseYAML(file)
}

// parseJSON reads what is known to be valid.
func parseJSON(file []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(file))
	dec.UseNumber()
	v, err := jsonValue(dec, 0)
	if err != nil {
		return nil, err
	}
	top, ok := v.(object)
	if !ok {
		return nil, errors.New("it is not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("it holds more than one JSON value")
	}
	return top, nil
}

func jsonValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, errTooDeep
	}
	token, err := dec.Token()
	if err != nil {
		return nil, errors.New("it is not valid JSON") // the decoder's own words may quote the file
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '[' {
			return jsonList(dec, depth)
		}
		return jsonObject(dec, depth)
	case json.Number:
		return number(token)
	default:
		return token, nil
	}
}

func jsonList(dec *json.Decoder, depth int) (any, error) {
	var out []any
	for dec.More() {
		v, err := jsonValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	_, err := dec.Token()
	return out, err
}

func jsonObject(dec *json.Decoder, depth int) (any, error) {
	out := object{}
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return nil, errors.New("it is not valid JSON")
		}
		key, ok := token.(string)
		if !ok || seen[key] {
			return nil, fmt.Errorf("it has the key %q twice", key)
		}
		seen[key] = true
		v, err := jsonValue(dec, depth+1)
		if err != nil {
			return nil, err
		}
		out = append(out, member{key, v})
	}
	_, err := dec.Token()
	return out, err
}

func number(n json.Number) (any, error) {
	if i, err := n.Int64(); err == nil {
		return int(i), nil
	}
	f, err := n.Float64()
	if err != nil {
		return nil, errors.New("it holds a number that is too large")
	}
	return f, nil
}

// text is a scalar as sops puts it into the MAC.
func text(v any) []byte {
	switch v := v.(type) {
	case string:
		return []byte(v)
	case int:
		return strconv.AppendInt(nil, int64(v), 10)
	case float64:
		return strconv.AppendFloat(nil, v, 'f', -1, 64)
	case bool:
		if v {
			return []byte("True")
		}
		return []byte("False")
	case time.Time:
		t, err := v.MarshalText()
		if err != nil {
			return nil // a year that no file has
		}
		return t
	default:
		return nil
	}
}
