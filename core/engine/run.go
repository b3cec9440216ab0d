package engine

import (
	"context"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
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

	lanes     lanes
	tally     tally
	recording context.Context // never ends: what has happened is recorded whoever has cancelled

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

	roots      map[string]event.Status // how the stages ended that roots name
	stopped    error                   // why somebody has stopped the run
	failedFast *failFastError          // the first stage that did not succeed, when the run fails fast

	stands map[string]bool // results on record that stand; not changed once stages run
}

func newRun(ctx context.Context, o Options, l *linked, info event.Run) *run {
	r := &run{
		linked: l, o: o, info: info, started: time.Now(),
		lanes: newLanes(ctx, o.Abort), recording: context.WithoutCancel(ctx),
		scratch: scratchFolders{root: o.Scratch},
		view:    newViewQueue(o.View),
		outputs: make(map[string]cty.Value, len(l.stages)), artifacts: make(map[string][]event.Artifact),
		calls:   make(map[string]PolicyCall),
		judged:  make(map[judgement]*judgedPlan),
		blocked: make(map[string]string),
		skipped: make(map[string]bool),
		stands:  make(map[string]bool),
		roots:   make(map[string]event.Status),
	}
	for _, s := range l.stages {
		if s.Run != pipeline.Always {
			r.tally.left++
		}
	}
	return r
}

// close waits until the view has seen everything.
func (r *run) close() {
	r.lanes.endAll(nil)
	r.view.close()
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
	r.lanes.endAll(err)
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
