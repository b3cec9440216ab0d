package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/zclconf/go-cty/cty"
)

// run is one run on its way.
type run struct {
	*linked
	o       Options
	info    event.Run
	started time.Time
	view    *viewQueue
	scratch scratchFolders

	// work ends when the run is cancelled; cleanup, in which stages with
	// run = "always" run, ends some time later. Both end when the run cannot be
	// recorded.
	work          context.Context
	cleanup       context.Context
	recording     context.Context // never ends: what has happened is recorded whoever has cancelled
	cancelWork    context.CancelCauseFunc
	cancelCleanup context.CancelCauseFunc

	mu      sync.Mutex // guards what follows
	failure error      // why the run cannot be recorded
	outputs map[string]cty.Value
	// artifacts are those of the last attempt of each stage.
	artifacts map[string][]event.Artifact
	evidence  Evidence
	calls     map[string]PolicyCall // of policy stages that have passed
	judged    map[judgement]*judgedPlan
	blocked   map[string]string // policy stages that have not passed, and why
	skipped   map[string]bool   // stages that nothing asked for

	stands map[string]bool // results on record that stand; not changed once stages run
}

// errCleanupBudget and errAborted are why cleanup stages are stopped.
var (
	errCleanupBudget = errors.New("the time for cleanup is used up")
	errAborted       = errors.New("the cleanup was stopped")
)

func newRun(ctx context.Context, o Options, l *linked, info event.Run) *run {
	r := &run{
		linked: l, o: o, info: info, started: time.Now(),
		scratch: scratchFolders{root: o.Scratch},
		view:    newViewQueue(o.View),
		outputs: make(map[string]cty.Value, len(l.stages)), artifacts: make(map[string][]event.Artifact),
		calls:   make(map[string]PolicyCall),
		judged:  make(map[judgement]*judgedPlan),
		blocked: make(map[string]string),
		skipped: make(map[string]bool),
		stands:  make(map[string]bool),
	}
	r.work, r.cancelWork = context.WithCancelCause(ctx)
	r.recording = context.WithoutCancel(ctx)
	r.cleanup, r.cancelCleanup = context.WithCancelCause(r.recording)
	return r
}

// close waits until the view has seen everything.
func (r *run) close() {
	r.cancelWork(nil)
	r.cancelCleanup(nil)
	r.view.close()
}

// watch records a cancellation and bounds the cleanup that follows. The
// function that it returns ends the watching.
func (r *run) watch(ctx context.Context) func() {
	done := make(chan struct{})
	var watching sync.WaitGroup
	watching.Go(func() {
		select {
		case <-done:
			return
		case <-ctx.Done():
		}
		_ = r.record(event.Event{Type: event.RunCancelling, Reason: r.clean(context.Cause(ctx).Error(), maxLine)})
		budget := time.NewTimer(r.o.Cleanup)
		defer budget.Stop()
		select {
		case <-done:
		case <-budget.C:
			r.cancelCleanup(fmt.Errorf("%w (%s)", errCleanupBudget, r.o.Cleanup))
		case <-r.o.Abort:
			r.cancelCleanup(errAborted)
		}
	})
	return func() {
		close(done)
		watching.Wait()
	}
}

// record makes events durable and then shows them. When that fails the run is
// over: what is not on record must not happen.
func (r *run) record(events ...event.Event) error {
	if err := r.broken(); err != nil {
		return err
	}
	return r.recordEnd(events...)
}

// recordEnd is record for what has happened in any case: it is also tried when
// the run is broken, since room may have been made for it.
func (r *run) recordEnd(events ...event.Event) error {
	return r.write(r.o.Journal.Append, events)
}

// note writes events that may be lost with the machine, though not with the
// process, and then shows them.
func (r *run) note(events ...event.Event) error {
	if err := r.broken(); err != nil {
		return err
	}
	return r.write(r.o.Journal.Note, events)
}

func (r *run) write(to func(context.Context, ...event.Event) error, events []event.Event) error {
	now := time.Now().UTC()
	for i := range events {
		events[i].Time, events[i].RunID = now, r.o.RunID
	}
	if err := to(r.recording, events...); err != nil {
		err = &RecordError{Err: err}
		r.breakWith(err)
		return err
	}
	for _, e := range events {
		r.view.show(e)
	}
	return nil
}

// show shows an event that is not kept.
func (r *run) show(e event.Event) {
	e.Time, e.RunID = time.Now().UTC(), r.o.RunID
	r.view.show(e)
}

func (r *run) breakWith(err error) {
	r.mu.Lock()
	if r.failure == nil {
		r.failure = err
	}
	r.mu.Unlock()
	r.cancelWork(err)
	r.cancelCleanup(err)
}

func (r *run) broken() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failure
}

// outputsFor are the outputs of the stages that a stage needs. It is as large
// as the needs, not as the pipeline.
func (r *run) outputsFor(s *stage) map[string]cty.Value {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make(map[string]cty.Value, len(s.Needs))
	for _, need := range s.Needs {
		if v, ok := r.outputs[need]; ok {
			out[need] = v
		}
	}
	return out
}
