package document

import (
	"bytes"
	"unicode/utf8"
)

// MaxDepth bounds nesting.
const MaxDepth = 64

// Parse checks a whole document and is its value.
func Parse(text []byte) (Value, error) {
	if !utf8.Valid(text) {
		at := 0
		for at < len(text) {
			r, size := utf8.DecodeRune(text[at:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			at += size
		}
		return Value{}, &Error{Line: line(text, at), Text: "it is not UTF-8 text"}
	}
	s := scanner{text: text}
	s.space()
	start := s.at
	if start == len(text) {
		return Value{}, &Error{Line: line(text, start), Text: "there is no JSON in it"}
	}
	if err := s.skip(0); err != nil {
		return Value{}, err
	}
	end := s.at
	if s.space(); s.at < len(text) {
		return Value{}, s.wrong("there is more text after the JSON value")
	}
	return Value{root: text, raw: text[start:end], at: start}, nil
}

// scanner walks over JSON text.
type scanner struct {
	text  []byte
	at    int
	names [][]byte // of all objects that are open, the inner ones last
}

func (s *scanner) wrong(what string) error {
	return &Error{Line: line(s.text, s.at), Text: what}
}

func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// name is the text of a string that was found to be sound.
func (s *scanner) name() []byte {
	s.space()
	start := s.at
	s.passQuoted()
	return s.text[start:s.at]
}

// closes goes to the next member or element of a sound value, past a comma, or
// says that there is none.
func (s *scanner) closes() bool {
	s.space()
	if s.text[s.at] == ',' {
		s.at++
		s.space()
	}
	return s.text[s.at] == '}' || s.text[s.at] == ']'
}

// skip goes over one value and checks it.
func (s *scanner) skip(depth int) error {
	if s.space(); s.at == len(s.text) {
		return s.wrong("the text ends in the middle of the JSON value")
	}
	switch c := s.text[s.at]; {
	case c == '{':
		return s.object(depth + 1)
	case c == '[':
		return s.array(depth + 1)
	case c == '"':
		return s.quoted()
	case c == '-' || c >= '0' && c <= '9':
		return s.number()
	}
	for _, word := range []string{"true", "false", "null", "NaN", "Infinity"} {
		if s.word(word) {
			return nil
		}
	}
	return s.wrong("it is not valid JSON")
}

// word goes over a word when it stands here.
func (s *scanner) word(word string) bool {
	if !bytes.HasPrefix(s.text[s.at:], []byte(word)) {
		return false
	}
	s.at += len(word)
	return true
}

func (s *scanner) object(depth int) error {
	first := len(s.names)
	defer func() { s.names = s.names[:first] }()
	var many map[string]bool
	return s.list(depth, '}', func() error {
		if s.at < len(s.text) && s.text[s.at] != '"' {
			return s.wrong("a name of an object is not a string")
		}
		start := s.at
		if err := s.quoted(); err != nil {
			return err
		}
		if !s.isNew(s.text[start:s.at], first, &many) {
			name := unquote(s.text[start:s.at])
			s.at = start
			return s.wrong("the name \"" + short(name) + "\" is there twice in one object")
		}
		if s.space(); s.at == len(s.text) || s.text[s.at] != ':' {
			return s.wrong("a name is not followed by a colon")
		}
		s.at++
		return s.skip(depth)
	})
}

// isNew remembers a name of the innermost object, whose first one is at first.
// Few are compared one by one.
func (s *scanner) isNew(raw []byte, first int, many *map[string]bool) bool {
	if bytes.IndexByte(raw, '\\') >= 0 {
		raw = []byte(`"` + unquote(raw) + `"`)
	}
	if *many == nil {
		for _, other := range s.names[first:] {
			if bytes.Equal(other, raw) {
				return false
			}
		}
		if len(s.names)-first < 32 {
			s.names = append(s.names, raw)
			return true
		}
		*many = make(map[string]bool, 64)
		for _, other := range s.names[first:] {
			(*many)[string(other)] = true
		}
	}
	if (*many)[string(raw)] {
		return false
	}
	(*many)[string(raw)] = true
	return true
}

func (s *scanner) array(depth int) error {
	return s.list(depth, ']', func() error { return s.skip(depth) })
}

// list goes over what stands between brackets.
func (s *scanner) list(depth int, end byte, one func() error) error {
	if depth > MaxDepth {
		return s.wrong("it is nested too deeply")
	}
	s.at++
	if s.space(); s.at < len(s.text) && s.text[s.at] == end {
		s.at++
		return nil
	}
	for {
		if s.space(); s.at == len(s.text) {
			return s.wrong("the text ends in the middle of the JSON value")
		}
		if err := one(); err != nil {
			return err
		}
		if s.space(); s.at == len(s.text) {
			return s.wrong("the text ends in the middle of the JSON value")
		}
		switch s.text[s.at] {
		case ',':
			s.at++
		case end:
			s.at++
			return nil
		default:
			return s.wrong("it is not valid JSON: a comma or the end of a list is missing")
		}
	}
}

// pass goes over one value that was found to be sound: only brackets and
// strings need a look.
func (s *scanner) pass() {
	switch s.text[s.at] {
	case '{', '[':
	case '"':
		s.passQuoted()
		return
	default:
		for s.at < len(s.text) && bytes.IndexByte([]byte(" \t\r\n,]}"), s.text[s.at]) < 0 {
			s.at++
		}
		return
	}
	for depth := 0; ; {
		switch s.text[s.at] {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		case '"':
			s.passQuoted()
			continue
		}
		if s.at++; depth == 0 {
			return
		}
	}
}

// passQuoted goes over a string that was found to be sound: to the first quote
// that no backslash stands for.
func (s *scanner) passQuoted() {
	for s.at++; ; s.at++ {
		s.at += bytes.IndexByte(s.text[s.at:], '"')
		slashes := 0
		for s.text[s.at-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			s.at++
			return
		}
	}
}
