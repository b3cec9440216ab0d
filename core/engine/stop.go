package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

// StopError is why a context of Options, or that of Run, ends when somebody
// stops the run, where it is known who and why.
type StopError struct {
	By     string
	Reason string
}

// Error says who and why.
func (e *StopError) Error() string {
	text := "stopped"
	if e.By != "" {
		text += " by " + e.By
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// errCleanupBudget is why cleanup stages are stopped.
var errCleanupBudget = errors.New("the time for cleanup is used up")

// runTimeoutError is why a run ends that has taken too long.
type runTimeoutError struct{ limit time.Duration }

// Error names the limit.
func (e *runTimeoutError) Error() string {
	return "the run took longer than its timeout of " + plainly(e.limit)
}

// failFastError is why a run ends in which a stage did not succeed.
type failFastError struct {
	stage string
	root  string
}

// Error names the root cause.
func (e *failFastError) Error() string { return e.root + ", and the run fails fast" }

// ownStop is the part of a run's own that stops it, or nil when somebody does.
func ownStop(cause error) error {
	var timeout *runTimeoutError
	var failing *failFastError
	switch {
	case errors.As(cause, &timeout):
		return timeout
	case errors.As(cause, &failing):
		return failing
	default:
		return nil
	}
}

// plainly is a duration without what is zero: 1h, not 1h0m0s.
func plainly(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// watcher stops the run from outside and when its time is up.
type watcher struct {
	*run
	ctx  context.Context
	done chan struct{}

	mode   event.StopMode   // in which somebody has stopped the run; empty before
	late   <-chan time.Time // the run's time is up
	idle   <-chan struct{}  // nothing but cleanup runs, nor will
	budget <-chan time.Time // the time for cleanup is up
}

// watch stops the run when somebody asks for that or its time is up, and bounds
// the cleanup that follows. Who had asked before it began is heard before it
// returns. The function that it returns ends the watching.
func (r *run) watch(ctx context.Context) func() {
	w := &watcher{run: r, ctx: ctx, done: make(chan struct{})}
	var timers []*time.Timer
	if limit := r.pipeline.Timeout; limit > 0 {
		timer := time.NewTimer(limit)
		timers, w.late = append(timers, timer), timer.C
	}
	w.listen()
	var watching sync.WaitGroup
	watching.Go(w.loop)
	return func() {
		close(w.done)
		watching.Wait()
		for _, timer := range timers {
			timer.Stop()
		}
	}
}

func (w *watcher) loop() {
	for {
		select {
		case <-w.done:
			w.listen() // what has stopped stages a moment ago goes on record
			return
		case <-until(w.o.Abort, w.mode == event.StopNow):
		case <-until(w.ctx, w.mode == event.StopNow || w.mode == event.StopCleanup):
		case <-until(w.o.Drain, w.mode != ""):
		case <-w.late:
			w.late = nil
			w.timedOut()
		case <-w.idle:
			w.idle = nil
			timer := time.NewTimer(w.cleanupBudget())
			defer timer.Stop() // there is one idle only
			w.budget = timer.C
		case <-w.budget:
			w.budget = nil
			w.lanes.cleanup.end(fmt.Errorf("%w (%s)", errCleanupBudget, plainly(w.cleanupBudget())))
		}
		w.listen()
	}
}

// until is the end of a context that somebody still listens to.
func until(ctx context.Context, past bool) <-chan struct{} {
	if past || ctx == nil {
		return nil
	}
	return ctx.Done()
}

// listen does what was asked for, the hardest first: what is milder than what
// is done already changes nothing.
func (w *watcher) listen() {
	switch {
	case w.mode == event.StopNow:
	case ended(w.o.Abort):
		w.stop(event.StopNow, context.Cause(w.o.Abort))
	case w.mode == event.StopCleanup:
	case ended(w.ctx):
		w.stop(event.StopCleanup, context.Cause(w.ctx))
	case w.mode == "" && ended(w.o.Drain):
		w.stop(event.StopAfterCurrent, context.Cause(w.o.Drain))
	}
}

func ended(ctx context.Context) bool { return ctx != nil && ctx.Err() != nil }

// stop stops the run as far as somebody wants.
func (w *watcher) stop(mode event.StopMode, cause error) {
	w.mode = mode
	w.mu.Lock()
	if w.stopped == nil {
		w.stopped = cause
	}
	w.mu.Unlock()
	e := event.Event{Type: event.RunCancelling, Mode: mode, Reason: w.clean(cause.Error(), maxLine)}
	var known *StopError
	if errors.As(cause, &known) {
		e.By = w.clean(known.By, maxName)
	}
	_ = w.record(e) // an error ends the run by itself
	idle := w.shut(cause)
	if w.budget == nil {
		w.idle = idle
	}
	if mode != event.StopAfterCurrent {
		w.lanes.after.end(cause)
	}
	if mode == event.StopNow {
		w.lanes.cleanup.end(cause)
	}
}

// timedOut stops the run, unless there is only cleanup left: that has a budget
// of its own.
func (w *watcher) timedOut() {
	cause := &runTimeoutError{w.pipeline.Timeout}
	if w.remaining() && w.mode == "" {
		_ = w.record(event.Event{Type: event.RunStopping, Reason: cause.Error()})
	}
	idle := w.shut(cause)
	if w.budget == nil {
		w.idle = idle
	}
	w.lanes.after.end(cause)
}

// cleanupBudget is how long cleanup may take once the run was stopped.
func (r *run) cleanupBudget() time.Duration {
	if r.pipeline.CleanupTimeout > 0 {
		return r.pipeline.CleanupTimeout
	}
	return r.o.Cleanup
}

// failFast stops the run behind the first stage that does not succeed, if the
// run is to fail fast.
func (r *run) failFast(s *stage, res result) {
	if !r.pipeline.FailFast || res.status != event.Failed && res.status != event.Errored && res.status != event.Denied {
		return
	}
	cause := &failFastError{stage: s.Name, root: res.root}
	r.mu.Lock()
	first := r.failedFast == nil
	if first {
		r.failedFast = cause
	}
	r.mu.Unlock()
	if !first || r.lanes.work.start.Err() != nil {
		return
	}
	_ = r.record(event.Event{Type: event.RunStopping, Stage: s.Name, Reason: r.clean(cause.Error(), maxLine)})
	r.lanes.work.end(cause)
}
