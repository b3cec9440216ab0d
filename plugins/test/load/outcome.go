package load

import (
	"context"
	"time"
)

// Send makes request number n, from 0, and says what became of it. It ends when
// ctx does, and at its own timeout.
type Send func(ctx context.Context, n int64) Outcome

// Outcome is what became of one request. Times count from when it was sent; 0
// means that it did not get that far.
type Outcome struct {
	Took      time.Duration
	FirstByte time.Duration // of the answer's body
	// FirstEvent and Gap are of answers that are streams of events: Gap is the mean
	// time between two of them.
	FirstEvent time.Duration
	Gap        time.Duration
	Events     int64
	Bytes      int64
	// Reason is why the answer does not count as good, in the user's words, and
	// one of few; empty for a good one.
	Reason string
	// TimedOut says that it took at least Took.
	TimedOut bool
}
