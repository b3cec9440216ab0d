package cluster

import (
	"context"
	"slices"
	"sync"
)

// maxWarnings bounds what a chatty server can make us keep.
const maxWarnings = 20

// warnings collects the Warning headers of answers.
type warnings struct {
	mu   sync.Mutex
	seen []string
}

// HandleWarningHeaderWithContext keeps a warning once.
func (w *warnings) HandleWarningHeaderWithContext(_ context.Context, code int, _, text string) {
	const miscellaneous = 299 // the only code that Kubernetes sends
	if code != miscellaneous || text == "" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.seen) < maxWarnings && !slices.Contains(w.seen, text) {
		w.seen = append(w.seen, text)
	}
}

func (w *warnings) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}
