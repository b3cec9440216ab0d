package engine

import (
	"context"
	"sync"

	"github.com/stagegate/stagegate/core/pipeline"
)

// lane is how long the stages of some run modes may start, and how long they
// may run.
type lane struct {
	start, run context.Context
	shut, end  context.CancelCauseFunc
}

func newLane(parent context.Context) *lane {
	l := new(lane)
	l.run, l.end = context.WithCancelCause(parent)
	l.start, l.shut = context.WithCancelCause(l.run)
	return l
}

// lanes sort stages by what stops them, the most easily stopped first. Work ends
// with what comes after it; cleanup ends for itself, and at once with whatever
// stops everything: it does not even begin then.
type lanes struct {
	work    *lane // on_success
	after   *lane // what looks at how others ended: it outlives failing fast
	cleanup *lane // always
}

func newLanes(ctx, abort context.Context) lanes {
	after := newLane(ctx)
	work := newLane(after.run) //nolint:contextcheck // it is one of ctx
	if abort == nil {
		abort = context.WithoutCancel(ctx)
	}
	return lanes{work: work, after: after, cleanup: newLane(abort)}
}

// of is the lane of a stage.
func (l lanes) of(s *stage) *lane {
	switch s.Run {
	case pipeline.Always:
		return l.cleanup
	case pipeline.OnSuccess:
		return l.work
	default:
		return l.after
	}
}

// shut keeps stages from starting, cleanup excepted.
func (l lanes) shut(cause error) {
	l.after.shut(cause)
	l.work.shut(cause)
}

// endAll stops everything.
func (l lanes) endAll(cause error) {
	l.after.end(cause)
	l.cleanup.end(cause)
}

// tally counts the stages that are not cleanup: cleanup has a budget of its own,
// which begins when none of the others runs any more.
type tally struct {
	mu       sync.Mutex
	left     int // stages that have not ended
	inFlight int
	// idle is closed once nothing runs or starts; nil while stages may start.
	idle chan struct{}
}

// closed is why a stage may not start any more, or nil. Whoever stops the run is
// heard at once, before the watcher has done anything about it.
func (r *run) closed(s *stage) error {
	if start := r.lanes.of(s).start; start.Err() != nil {
		return context.Cause(start)
	}
	switch {
	case ended(r.o.Abort):
		return context.Cause(r.o.Abort)
	case s.Run != pipeline.Always && ended(r.o.Drain):
		return context.Cause(r.o.Drain)
	default:
		return nil
	}
}

// admit lets a stage begin its work, unless nothing may start any more; then it
// returns why.
func (r *run) admit(s *stage) error {
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	if err := r.closed(s); err != nil {
		return err
	}
	if s.Run != pipeline.Always {
		r.tally.inFlight++
	}
	return nil
}

// dismiss is the end of the work that admit has let begin.
func (r *run) dismiss(s *stage) {
	if s.Run == pipeline.Always {
		return
	}
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	r.tally.inFlight--
	r.tally.settle()
}

// over counts a stage as ended. It reports whether others but cleanup are left.
func (r *run) over(s *stage) (more bool) {
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	if s.Run != pipeline.Always {
		r.tally.left--
	}
	return r.tally.left > 0
}

// remaining reports whether stages but cleanup have not ended.
func (r *run) remaining() bool {
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	return r.tally.left > 0
}

// shut keeps stages from starting, cleanup excepted. What it returns is closed
// when those that run have ended.
func (r *run) shut(cause error) <-chan struct{} {
	r.tally.mu.Lock()
	defer r.tally.mu.Unlock()
	r.lanes.shut(cause)
	if r.tally.idle == nil {
		r.tally.idle = make(chan struct{})
		r.tally.settle()
	}
	return r.tally.idle
}

func (t *tally) settle() {
	if t.inFlight > 0 || t.idle == nil {
		return
	}
	select {
	case <-t.idle:
	default:
		close(t.idle)
	}
}
