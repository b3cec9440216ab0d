package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
)

// askPatience bounds how long a run may take to answer that it will end.
const askPatience = 10 * time.Second

// enter waits until the stage is alone in its concurrency group. Others run
// meanwhile: a stage that waits takes nobody's place. The Finish is nil when it
// is in, or in none.
func (r *run) enter(ctx context.Context, s *stage) *event.Finish {
	if s.Concurrency.Group == "" {
		return nil
	}
	w := groupWait{run: r, stage: s, begun: make(chan struct{})}
	in := make(chan error, 1)
	go func() {
		var err error
		s.left, err = r.o.Groups.Enter(ctx, s.Concurrency.Group, s.Name, func(now event.Wait, runs []string) { w.tell(ctx, now, runs) })
		in <- err
	}()
	var err error
	select {
	case err = <-in:
	case <-w.begun:
		s.turn.Pause(func() { err = <-in })
	}
	if err == nil {
		return nil
	}
	finish := r.broke(ctx, err)
	if finish.Failure.Class == ClassInternal {
		finish.Failure.Class = ClassState
	}
	return &finish
}

// leave gives the stage's group up, if it is in one.
func (r *run) leave(s *stage) {
	if s.left == nil {
		return
	}
	if err := s.left(); err != nil {
		r.warn(s, "the concurrency group "+s.Concurrency.Group+" could not be left", "Others wait until this run has ended: "+err.Error())
	}
	s.left = nil
}

// groupWait is one wait for a group.
type groupWait struct {
	run   *run
	stage *stage
	begun chan struct{} // closed once it has to wait
	once  sync.Once
	told  event.Wait
	asked []string
}

// tell says what the stage waits for: on record when the wait begins, and for
// whoever watches when another run holds the group or the stage is next. The
// steps of a long line are nobody's news.
func (w *groupWait) tell(ctx context.Context, now event.Wait, runs []string) {
	first := w.told.Holder == nil
	if first && w.stage.Concurrency.CancelOlder {
		w.cancelOlder(ctx, runs)
	}
	now.Cancelling = w.asked
	e := event.Event{Type: event.StageWaiting, Stage: w.stage.Name, Reason: waitingFor(now), Waiting: &now}
	switch {
	case first:
		_ = w.run.record(e) // an error ends the run, and the wait with it
	case now.Holder.Run != w.told.Holder.Run || now.Before == 0 && w.told.Before != 0:
		w.run.show(e)
	}
	w.told = now
	w.once.Do(func() { close(w.begun) })
}

// cancelOlder asks the runs before the stage to end that were started before
// this one. A newer one is never asked, though it came here first.
func (w *groupWait) cancelOlder(ctx context.Context, runs []string) {
	reason := fmt.Sprintf("run %s takes its place in concurrency group %s (%s)", w.run.o.RunID, w.stage.Concurrency.Group, w.stage.Address())
	limited, cancel := context.WithTimeoutCause(ctx, askPatience, errors.New("it has not answered so far"))
	defer cancel()
	older := slices.DeleteFunc(slices.Clone(runs), func(run string) bool { return run >= w.run.o.RunID })
	failed := make([]error, len(older))
	var asking sync.WaitGroup
	for i, run := range older {
		asking.Go(func() { failed[i] = w.run.o.CancelRun(limited, run, reason) })
	}
	asking.Wait()
	for i, run := range older {
		if failed[i] != nil {
			w.run.warn(w.stage, "run "+run+" was asked to end, and has not begun to", "Its end is waited for: "+failed[i].Error())
		}
	}
	w.asked = older
}

// waitingFor says it in one line.
func waitingFor(w event.Wait) string {
	text := fmt.Sprintf("waiting for %s, held by run %s", w.Group, w.Holder.Run)
	if w.Holder.Stage != "" {
		text += fmt.Sprintf(" (%s)", pipeline.StageAddress(w.Holder.Stage))
	}
	if !w.Holder.Since.IsZero() {
		text += " since " + w.Holder.Since.UTC().Format(time.RFC3339)
	}
	if w.Before > 0 {
		text += fmt.Sprintf(", %d before it", w.Before)
	}
	if len(w.Cancelling) > 0 {
		text += "; asked to end: " + strings.Join(w.Cancelling, ", ")
	}
	return text
}
