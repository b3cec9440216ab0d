package container

import (
	"strings"
	"sync"
	"unicode"
)

// Bounds of what is kept of the output for the message of a failure.
const (
	keptBytes = 4 << 10
	keptLines = 10
)

// lastWords remembers the end of one stream. It forgets the beginning of a line
// with all of the line: half a secret would not be known as one.
type lastWords struct {
	mu   sync.Mutex
	kept []byte
	cut  bool // in the midst of a line
}

// Write implements io.Writer.
func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	start := max(0, len(p)-keptBytes)
	if start > 0 {
		w.kept = w.kept[:0]
		w.cut = p[start-1] != '\n'
	}
	w.kept = append(w.kept, p[start:]...)
	if more := len(w.kept) - keptBytes; more > 0 {
		w.cut = w.kept[more-1] != '\n'
		w.kept = append(w.kept[:0], w.kept[more:]...)
	}
	return len(p), nil
}

// String is the last lines, as text.
func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.ToValidUTF8(string(w.kept), "\uFFFD")
	if w.cut {
		_, text, _ = strings.Cut(text, "\n")
	}
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, text)
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-keptLines):], "\n")
}
