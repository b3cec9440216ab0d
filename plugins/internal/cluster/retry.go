package cluster

import (
	"context"
	"time"
)

// Bounds of one call. All calls are safe to repeat: reads, server-side
// applies, deletions with a UID, and reviews.
const (
	attempts     = 5
	callTimeout  = 15 * time.Second
	firstBackoff = 200 * time.Millisecond
	maxBackoff   = 4 * time.Second
)

// try runs one call with a deadline, and again while the server is there but
// cannot serve. A server that does not answer at all is not asked again: an
// address that is wrong stays wrong, and a person is waiting.
func (c *Client) try(ctx context.Context, op string, call func(context.Context) error) error {
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		err := once(ctx, call)
		if err == nil {
			return nil
		}
		if attempt == attempts || ctx.Err() != nil || kindOf(err) != Busy {
			return c.wrap(ctx, op, err)
		}
		if !sleep(ctx, backoff) {
			return context.Cause(ctx)
		}
		backoff = min(2*backoff, maxBackoff)
	}
}

func once(ctx context.Context, call func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	return call(ctx)
}

// sleep reports whether the time passed before ctx ended.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
