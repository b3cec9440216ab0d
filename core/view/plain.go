package view

import (
	"fmt"
	"io"
	"sync"

	"github.com/stagegate/stagegate/core/event"
)

// plain prints a line when something happens; nothing is ever redrawn.
type plain struct {
	mu       sync.Mutex
	out      io.Writer
	narrator *narrator
}

func newPlain(o Options) *plain {
	return &plain{out: o.Out, narrator: newNarrator(o)}
}

// Show prints what the event adds.
func (v *plain) Show(e event.Event) {
	v.mu.Lock()
	defer v.mu.Unlock()
	text := v.narrator.lines(e)
	if e.Type == event.AttemptStarted {
		text = fmt.Sprintf("• %s  started\n", v.narrator.name(e.Stage))
		if e.Attempt > 1 {
			text = fmt.Sprintf("• %s  attempt %d\n", v.narrator.name(e.Stage), e.Attempt)
		}
	}
	_, _ = io.WriteString(v.out, text) // a reader that has gone away must not end a release
}

// Close has nothing to take back.
func (v *plain) Close() {}
