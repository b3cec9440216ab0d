package document

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"math"
	"strconv"
	"strings"
)

// Value is one value of a document that was found to be sound.
type Value struct {
	root   []byte // the whole document
	raw    []byte
	at     int // of raw in root
	parent *Value
	name   string // of a member
	index  int    // of an element
}

// Kind is what a value is.
type Kind int

// The kinds.
const (
	Null Kind = iota
	Bool
	Number
	Text
	Array
	Object
)

// String is the kind with its article, for messages.
func (k Kind) String() string {
	return []string{"null", "a boolean", "a number", "a string", "an array", "an object"}[k]
}

// Kind is the value's; NaN and Infinity are numbers, and no value is null.
func (v Value) Kind() Kind {
	if len(v.raw) == 0 {
		return Null
	}
	switch v.raw[0] {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return Text
	case 't', 'f':
		return Bool
	case 'n':
		return Null
	}
	return Number
}

// Raw is the value's text.
func (v Value) Raw() []byte { return v.raw }

// Members are those of an object; any other value has none.
func (v Value) Members() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		if v.Kind() != Object {
			return
		}
		s := scanner{text: v.raw, at: 1}
		for !s.closes() {
			name := unquote(s.name())
			s.space()
			s.at++ // the colon
			child := v.child(&s)
			child.name = name
			if !yield(name, child) {
				return
			}
		}
	}
}

// Elements are those of an array; any other value has none.
func (v Value) Elements() iter.Seq2[int, Value] {
	return func(yield func(int, Value) bool) {
		if v.Kind() != Array {
			return
		}
		s := scanner{text: v.raw, at: 1}
		for i := 0; !s.closes(); i++ {
			child := v.child(&s)
			child.index = i
			if !yield(i, child) {
				return
			}
		}
	}
}

// child is the value that the scanner stands before.
func (v Value) child(s *scanner) Value {
	s.space()
	start := s.at
	s.pass()
	return Value{root: v.root, raw: s.text[start:s.at], at: v.at + start, parent: &v}
}

// Get is a member of an object, and whether there is one.
func (v Value) Get(name string) (Value, bool) {
	if v.Kind() != Object {
		return Value{}, false
	}
	s := scanner{text: v.raw, at: 1}
	for !s.closes() {
		raw := s.name()
		s.space()
		s.at++ // the colon
		if is(raw, name) {
			child := v.child(&s)
			child.name = name
			return child, true
		}
		s.space()
		s.pass()
	}
	return Value{}, false
}

// is compares a sound string with its content.
func is(raw []byte, content string) bool {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1:len(raw)-1]) == content
	}
	return unquote(raw) == content
}

// Find follows names separated by dots. The whole rest is tried as one name
// first, since names may hold dots themselves.
func (v Value) Find(path string) (Value, bool) {
	if child, ok := v.Get(path); ok {
		return child, true
	}
	for at := range len(path) {
		if path[at] != '.' {
			continue
		}
		if child, ok := v.Get(path[:at]); ok {
			if found, ok := child.Find(path[at+1:]); ok {
				return found, true
			}
		}
	}
	return Value{}, false
}

// Float is a finite number.
func (v Value) Float() (float64, error) {
	if v.Kind() != Number {
		return 0, v.Errorf("it is %s, not a number", v.Kind())
	}
	f, err := strconv.ParseFloat(string(v.raw), 64)
	switch {
	case bytes.HasSuffix(v.raw, []byte("NaN")), bytes.HasSuffix(v.raw, []byte("Infinity")):
		return 0, v.Errorf("it is %s; only a finite number can be judged", v.raw)
	case err != nil || math.IsInf(f, 0):
		return 0, v.Errorf("it is %s, which no 64-bit number can hold", short(string(v.raw)))
	}
	return f, nil
}

// Text is a string.
func (v Value) Text() (string, error) {
	if v.Kind() != Text {
		return "", v.Errorf("it is %s, not a string", v.Kind())
	}
	return unquote(v.raw), nil
}

// Plain is a string, number or boolean as text: what items are grouped by.
func (v Value) Plain() (string, error) {
	switch v.Kind() {
	case Text:
		return unquote(v.raw), nil
	case Number, Bool:
		return string(v.raw), nil
	default:
		return "", v.Errorf("it is %s, not a string, number or boolean", v.Kind())
	}
}

// Errorf is an error about the value, with its line and path.
func (v Value) Errorf(format string, args ...any) error {
	return &Error{Line: line(v.root, v.at), Path: v.Path(), Text: fmt.Sprintf(format, args...)}
}

// Missing is an error about a member that is not there.
func (v Value) Missing(name string) error {
	return v.Errorf("it has no %s", strconv.Quote(short(name)))
}

// Path is how to get to the value from the document's root.
func (v Value) Path() string {
	if v.parent == nil {
		return ""
	}
	before := v.parent.Path()
	if v.parent.Kind() == Array {
		return before + "[" + strconv.Itoa(v.index) + "]"
	}
	name := short(v.name)
	if plain(name) {
		return strings.TrimPrefix(before+"."+name, ".")
	}
	return before + "[" + strconv.Quote(name) + "]"
}

func plain(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && c != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return name != ""
}

// unquote is the content of a string that was found to be sound.
func unquote(raw []byte) string {
	if bytes.IndexByte(raw, '\\') < 0 {
		return string(raw[1 : len(raw)-1])
	}
	var s string
	_ = json.Unmarshal(raw, &s)
	return s
}

// Measure is a finite number, or a boolean as 1 and 0, as Python counts.
func (v Value) Measure() (float64, error) {
	switch string(v.raw) {
	case "true":
		return 1, nil
	case "false":
		return 0, nil
	}
	return v.Float()
}
