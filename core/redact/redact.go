// Package redact takes secrets out of streams before their first byte is
// stored: also those that are split over several writes, spread over lines, or
// encoded in one of the usual ways.
package redact

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/stagegate/stagegate/core/engine"
)

// Mask stands where a secret was.
const Mask = "***"

// MinLength is the length of the shortest secret that is masked: masking a
// shorter one would hide ordinary words and tell where it is.
const MinLength = 6

// TooShortError says that a value cannot be masked. It does not hold the value.
type TooShortError struct {
	Length int
}

// Error says why.
func (e *TooShortError) Error() string {
	return fmt.Sprintf("has %d bytes and cannot be masked in output: at least %d are needed", e.Length, MinLength)
}

// Redactor knows the secrets of a run. Its methods may be called from several
// goroutines. Make it with New.
type Redactor struct {
	mu       sync.RWMutex
	known    map[string]bool // secrets as they were added
	patterns map[string]bool // what is looked for
	built    *matcher        // nil when patterns have changed since
}

var _ engine.Redactor = (*Redactor)(nil)

// New is a redactor that knows no secret.
func New() *Redactor {
	return &Redactor{known: make(map[string]bool), patterns: make(map[string]bool), built: newMatcher(nil)}
}

// Add registers a secret, its lines, and their usual encodings. A value that is
// too short is a *TooShortError and is not masked. Streams that are open mask
// it from their next write on.
func (r *Redactor) Add(secret string) error {
	if len(strings.TrimSpace(secret)) < MinLength {
		return &TooShortError{Length: len(strings.TrimSpace(secret))}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[secret] {
		return nil
	}
	r.known[secret] = true
	for _, form := range forms(secret) {
		r.patterns[form] = true
	}
	r.built = nil
	return nil
}

// Text redacts a whole string.
func (r *Redactor) Text(s string) string {
	m := r.matcher()
	if m.empty() || s == "" {
		return s
	}
	var out strings.Builder
	st := &Stream{redactor: r, next: func(p []byte) error { out.Write(p); return nil }}
	// Neither fails: next does not.
	_, _ = st.Write([]byte(s))
	_ = st.Flush()
	return out.String()
}

// Stream starts a stream. What next receives is valid until it returns.
func (r *Redactor) Stream(next func([]byte) error) engine.RedactedStream {
	return &Stream{redactor: r, next: next}
}

// matcher is the one for all patterns known now.
func (r *Redactor) matcher() *matcher {
	r.mu.RLock()
	m := r.built
	r.mu.RUnlock()
	if m != nil {
		return m
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.built == nil {
		r.built = newMatcher(slices.Collect(maps.Keys(r.patterns)))
	}
	return r.built
}
