package safetensors

import (
	"errors"
	"io"
	"unicode/utf8"
)

var errNotUTF8 = errors.New("not UTF-8")

// utf8Reader passes text on and stops at the first byte that is not UTF-8;
// encoding/json would replace it in silence.
type utf8Reader struct {
	r    io.Reader
	tail []byte // the beginning of a character that the last read cut
	bad  bool
}

// Read implements io.Reader.
func (u *utf8Reader) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	text := append(u.tail, p[:n]...)
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		if r == utf8.RuneError && size == 1 {
			if utf8.FullRune(text) || err != nil {
				u.bad = true
				return 0, errNotUTF8
			}
			break
		}
		text = text[size:]
	}
	u.tail = append(u.tail[:0:0], text...)
	return n, err
}
