package pluginhost

import (
	"strings"
	"sync"
)

// lastWords keeps the end of what a plugin writes to its standard error, for
// the message about its death.
type lastWords struct {
	mu   sync.Mutex
	text []byte
	lost bool
}

// Write keeps the last maxLastWords bytes.
func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(p) > maxLastWords {
		w.text, w.lost = append(w.text[:0], p[len(p)-maxLastWords:]...), true
		return len(p), nil
	}
	w.text = append(w.text, p...)
	// Moved only when it has grown to twice the size, not with every write.
	if len(w.text) > 2*maxLastWords {
		w.text, w.lost = append(w.text[:0], w.text[len(w.text)-maxLastWords:]...), true
	}
	return len(p), nil
}

// String is what was kept, from the start of a line where some was lost.
func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := w.text
	lost := w.lost
	if len(text) > maxLastWords {
		text, lost = text[len(text)-maxLastWords:], true
	}
	s := strings.ToValidUTF8(string(text), "\uFFFD")
	if lost {
		if _, rest, ok := strings.Cut(s, "\n"); ok {
			s = rest
		}
		s = "…\n" + s
	}
	return strings.TrimRight(s, "\n")
}
