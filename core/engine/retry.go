package engine

import (
	"context"
	"math"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

// maxBackoff caps the pause between two attempts.
const maxBackoff = 5 * time.Minute

// again reports whether a stage is tried once more: only after a failure that
// the plugin calls transient.
func again(s *stage, finish event.Finish, tries int) bool {
	if finish.Status != event.Failed && finish.Status != event.Errored {
		return false
	}
	return finish.Failure != nil && finish.Failure.Transient && tries < s.Retry.Attempts
}

// backoff is the pause after a number of tries; it doubles with each.
func backoff(first time.Duration, tries int) time.Duration {
	pause := float64(first) * math.Pow(2, float64(tries-1))
	return time.Duration(min(pause, float64(maxBackoff)))
}

// backOff waits before the next attempt. It reports false when ctx ended first.
func (r *run) backOff(ctx context.Context, s *stage, attempt, tries int, failure *event.Failure) bool {
	pause := backoff(s.Retry.Backoff, tries)
	r.show(event.Event{Type: event.StageRetrying, Stage: s.Name, Attempt: attempt, Reason: failure.Summary, Delay: seconds(pause)})
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}

func seconds(d time.Duration) event.Seconds { return event.Seconds(d.Seconds()) }
