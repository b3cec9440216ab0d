package document

import (
	"bytes"
	"fmt"
	"unicode/utf8"
)

// Error says what is wrong with a document, and where.
type Error struct {
	Line int    // from 1
	Path string // of the value; empty for the whole document
	Text string
}

// Error is the line, the path and what is wrong.
func (e *Error) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("line %d: %s", e.Line, e.Text)
	}
	return fmt.Sprintf("line %d: %s: %s", e.Line, e.Path, e.Text)
}

func line(text []byte, at int) int { return 1 + bytes.Count(text[:min(at, len(text))], []byte("\n")) }

// short keeps hostile text from filling a message.
func short(s string) string {
	const most = 80
	if len(s) <= most {
		return s
	}
	end := most
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}
