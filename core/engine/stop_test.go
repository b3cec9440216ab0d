package engine_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// asked is how somebody stops a run, from the mildest to the hardest.
type asked struct {
	ctx              context.Context
	drain, cut, kill func()
}

// askable lets a run be stopped in all ways.
func askable(t *testing.T, w *world) asked {
	t.Helper()
	ctx, cut := context.WithCancelCause(t.Context())
	drained, drain := context.WithCancelCause(context.Background())
	aborted, abort := context.WithCancelCause(context.Background())
	w.options.Drain, w.options.Abort = drained, aborted
	return asked{
		ctx:   ctx,
		drain: func() { drain(&engine.StopError{By: "ada", Reason: "enough"}) },
		cut:   func() { cut(&engine.StopError{By: "bob"}) },
		kill:  func() { abort(&engine.StopError{By: "eve", Reason: "wrong cluster"}) },
	}
}

// cancellings are the modes of the cancellations on record, with who and why.
func cancellings(w *world) []string {
	var out []string
	for _, e := range w.journal.all() {
		if e.Type == event.RunCancelling {
			out = append(out, string(e.Mode)+" "+e.By+" "+e.Reason)
		}
	}
	return out
}

func TestStopAfterCurrent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("train", "builder").Retry = pipeline.Retry{Attempts: 2}
	w.stage("test", "tester", "train")
	w.stage("alert", "builder", "train").Run = pipeline.OnFailure
	w.stage("clean", "builder", "test").Run = pipeline.Always
	a := askable(t, w)
	var tries atomic.Int64
	w.plugins.execute = func(ctx context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		if stageName(call) == "train" && tries.Add(1) == 1 {
			a.drain()
			return ended(pluginv1.Outcome_OUTCOME_ERROR, "503", true), nil // what runs may end, and is tried again
		}
		return succeeded(""), ctx.Err()
	}
	out, err := w.run(a.ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.checkEnds()
	want := map[string]event.Status{"train": event.Succeeded, "test": event.Skipped, "alert": event.Skipped, "clean": event.Succeeded}
	if diff := cmp.Diff(want, statuses(out)); diff != "" || out.Status != event.Cancelled {
		t.Errorf("%s (-want +got):\n%s", out.Status, diff)
	}
	if diff := cmp.Diff([]string{"after_current ada stopped by ada: enough"}, cancellings(w)); diff != "" {
		t.Errorf("cancellations (-want +got):\n%s", diff)
	}
	if got := stageOf(t, out, "test").Reason; got != "the run was cancelled: stopped by ada: enough" {
		t.Errorf("reason = %q", got)
	}
	if end := w.journal.last(t, event.RunFinished).Finish; end.Failure.Summary != "cancelled: stopped by ada: enough" {
		t.Errorf("end = %+v", end.Failure)
	}
}

func TestStopAfterCurrentBeforeTheStart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("train", "builder")
	w.stage("clean", "builder").Run = pipeline.Always
	a := askable(t, w)
	a.drain()
	out, err := w.run(a.ctx)
	want := map[string]event.Status{"train": event.Skipped, "clean": event.Succeeded}
	if diff := cmp.Diff(want, statuses(out)); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func TestStopAfterTheLastStageChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("train", "builder")
	a := askable(t, w)
	w.plugins.execute = func(context.Context, engine.Call, func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		a.drain()
		return succeeded(""), nil
	}
	if out, err := w.run(a.ctx); err != nil || out.Status != event.Succeeded {
		t.Errorf("outcome = %+v, %v", out, err)
	}
}

// TestStopEscalates goes from each mode to the next; a milder one that comes
// later changes nothing.
func TestStopEscalates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Parallelism = 2
	w.stage("train", "builder")
	w.stage("clean", "builder").Run = pipeline.Always
	w.stage("later", "builder", "train")
	shown := func(mode event.StopMode) bool {
		for _, e := range w.journal.all() {
			if e.Mode == mode {
				return true
			}
		}
		return false
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cut := context.WithCancelCause(context.Background())
		drained, drain := context.WithCancelCause(context.Background())
		aborted, abort := context.WithCancelCause(context.Background())
		w.options.Drain, w.options.Abort = drained, aborted
		w.plugins.execute = untilStopped
		go func() {
			synctest.Wait()
			drain(errors.New("mildly"))
			synctest.Wait()
			if !shown(event.StopAfterCurrent) {
				t.Error("not drained")
			}
			cut(errors.New("more"))
			synctest.Wait()
			if got := w.journal.types("train"); got[len(got)-1] != event.StageFinished {
				t.Errorf("train goes on: %v", got)
			}
			if got := w.journal.types("clean"); got[len(got)-1] != event.AttemptStarted {
				t.Errorf("cleanup has ended: %v", got)
			}
			abort(errors.New("at once"))
		}()
		start := time.Now()
		out, err := w.run(ctx)
		if err != nil || statuses(out)["clean"] != event.Cancelled || time.Since(start) != 0 {
			t.Errorf("after %v: %+v, %v", time.Since(start), out, err)
		}
	})
	w.checkEnds()
	want := []string{"after_current  mildly", "cleanup  more", "now  at once"}
	if diff := cmp.Diff(want, cancellings(w)); diff != "" {
		t.Errorf("cancellations (-want +got):\n%s", diff)
	}
	if end := w.journal.last(t, event.RunFinished).Finish; end.Failure.Summary != "cancelled: mildly" {
		t.Errorf("end = %+v", end.Failure)
	}
}

func TestStopNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Parallelism = 1
	w.stage("train", "builder")
	w.stage("clean", "builder", "train").Run = pipeline.Always
	a := askable(t, w)
	w.plugins.execute = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		a.kill()
		a.cut() // what follows is milder
		a.drain()
		return untilStopped(ctx, call, sink)
	}
	out, err := w.run(a.ctx)
	want := map[string]event.Status{"train": event.Cancelled, "clean": event.Skipped}
	if diff := cmp.Diff(want, statuses(out)); diff != "" || err != nil || out.Status != event.Cancelled {
		t.Errorf("%s, %v (-want +got):\n%s", out.Status, err, diff)
	}
	got := cancellings(w)
	if len(got) == 0 || got[len(got)-1] != "now eve stopped by eve: wrong cluster" {
		t.Errorf("cancellations = %v", got)
	}
}

// TestCleanupBudgetBeginsWhenWorkHasEnded has a stage that takes long to stop:
// that is not at the expense of the cleanup.
func TestCleanupBudgetBeginsWhenWorkHasEnded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		w.block.CleanupTimeout = time.Minute
		w.stage("train", "builder")
		w.stage("clean", "builder", "train").Run = pipeline.Always
		w.plugins.execute = func(ctx context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
			wait := 50 * time.Second
			if stageName(call) == "train" {
				<-ctx.Done()
				wait, ctx = 10*time.Minute, context.Background()
			}
			select {
			case <-time.After(wait):
				return succeeded(""), nil
			case <-ctx.Done():
				return ended(pluginv1.Outcome_OUTCOME_STOPPED, "stopped", false), nil
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(errInterrupt) })
		out, err := w.run(ctx)
		if err != nil || statuses(out)["clean"] != event.Succeeded {
			t.Errorf("outcome = %+v, %v", out, err)
		}
	})
	w.checkEnds()
}

func TestRunTimeout(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		cleanup time.Duration // how long cleanup takes
		want    map[string]event.Status
		took    time.Duration
	}{
		{"cleanup has its own budget", 4 * time.Minute, map[string]event.Status{
			"train": event.Cancelled, "test": event.Skipped, "alert": event.Skipped, "clean": event.Succeeded,
		}, time.Hour + 4*time.Minute},
		{"cleanup takes too long as well", time.Hour, map[string]event.Status{
			"train": event.Cancelled, "test": event.Skipped, "alert": event.Skipped, "clean": event.Cancelled,
		}, time.Hour + 5*time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			synctest.Test(t, func(t *testing.T) {
				w.block.Timeout = time.Hour
				w.stage("train", "builder")
				w.stage("test", "tester", "train")
				w.stage("alert", "builder", "train").Run = pipeline.OnFailure
				w.stage("clean", "builder", "train").Run = pipeline.Always
				w.plugins.execute = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
					if stageName(call) == "train" {
						return untilStopped(ctx, call, sink)
					}
					select {
					case <-time.After(tt.cleanup):
						return succeeded(""), nil
					case <-ctx.Done():
						return ended(pluginv1.Outcome_OUTCOME_STOPPED, "stopped", false), nil
					}
				}
				start := time.Now()
				out, err := w.run(t.Context())
				if diff := cmp.Diff(tt.want, statuses(out)); diff != "" || err != nil || out.Status != event.Errored {
					t.Errorf("%s, %v (-want +got):\n%s", out.Status, err, diff)
				}
				if took := time.Since(start); took != tt.took {
					t.Errorf("took %v, want %v", took, tt.took)
				}
			})
			w.checkEnds()
			const why = "the run took longer than its timeout of 1h"
			if got := w.journal.last(t, event.RunStopping).Reason; got != why {
				t.Errorf("stopping = %q", got)
			}
			end := w.journal.last(t, event.RunFinished).Finish
			if end.Failure.Summary != why || end.Failure.Class != engine.ClassTimeout || end.Failure.Detail == "" {
				t.Errorf("end = %+v", end.Failure)
			}
		})
	}
}

// TestTimeoutInCleanup is no failure: cleanup has its own budget.
func TestTimeoutInCleanup(t *testing.T) {
	t.Parallel()
	for status, takes := range map[event.Status]time.Duration{event.Succeeded: 3 * time.Minute, event.Errored: time.Hour} {
		t.Run(string(status), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			synctest.Test(t, func(t *testing.T) {
				w.block.Timeout = time.Minute
				w.stage("train", "builder")
				w.stage("clean", "builder", "train").Run = pipeline.Always
				w.plugins.execute = func(ctx context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
					if stageName(call) == "train" {
						return succeeded(""), nil
					}
					select {
					case <-time.After(takes):
						return succeeded(""), nil
					case <-ctx.Done():
						return ended(pluginv1.Outcome_OUTCOME_STOPPED, "stopped", false), nil
					}
				}
				if out, err := w.run(t.Context()); err != nil || out.Status != status {
					t.Errorf("outcome = %+v, %v", out, err)
				}
			})
			for _, e := range w.journal.all() {
				if e.Type == event.RunStopping {
					t.Errorf("the run stops: %s", e.Reason)
				}
			}
		})
	}
}

func TestFailFast(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		outcome pluginv1.Outcome
		end     event.Status
		root    string
	}{
		{"failed", pluginv1.Outcome_OUTCOME_FAILED, event.Failed, "stage.unit failed"},
		{"errored", pluginv1.Outcome_OUTCOME_ERROR, event.Errored, "stage.unit could not be run"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.block.FailFast = true
			w.stage("train", "builder")
			w.stage("unit", "tester")
			w.stage("test", "tester", "train")
			w.stage("alert", "builder", "test").Run = pipeline.OnFailure
			w.stage("clean", "builder", "train").Run = pipeline.Always
			started := make(chan struct{})
			w.plugins.execute = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
				switch stageName(call) {
				case "train":
					close(started)
					return untilStopped(ctx, call, sink)
				case "unit":
					<-started
					return ended(tt.outcome, "exit code 1", false), nil
				default:
					return succeeded(""), ctx.Err()
				}
			}
			out := w.mustRun()
			want := map[string]event.Status{
				"train": event.Cancelled, "unit": tt.end, "test": event.Skipped, "alert": event.Succeeded, "clean": event.Succeeded,
			}
			if diff := cmp.Diff(want, statuses(out)); diff != "" || out.Status != tt.end {
				t.Errorf("%s (-want +got):\n%s", out.Status, diff)
			}
			why := tt.root + ", and the run fails fast"
			if got := stageOf(t, out, "train").Failure.Summary; got != "cancelled: "+why {
				t.Errorf("train: %s", got)
			}
			if got := stageOf(t, out, "test").Reason; got != why {
				t.Errorf("test: %s", got)
			}
			if e := w.journal.last(t, event.RunStopping); e.Reason != why || e.Stage != "unit" {
				t.Errorf("stopping: %+v", e)
			}
			if end := w.journal.last(t, event.RunFinished).Finish; end.Failure.Summary != "stage.unit: exit code 1" {
				t.Errorf("end = %+v", end.Failure)
			}
		})
	}
}

func TestFailFastOnDenial(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.block.FailFast = true
	w.stage("train", "builder")
	w.stage("check", "policy")
	w.stage("serve", "deployer", "check")
	started := make(chan struct{})
	w.plugins.execute = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		close(started)
		return untilStopped(ctx, call, sink)
	}
	w.gate.decide = func(req engine.DecisionRequest) (*engine.Decision, error) {
		<-started
		return deny(req), nil
	}
	out := w.mustRun()
	want := map[string]event.Status{"train": event.Cancelled, "check": event.Denied, "serve": event.Skipped}
	if diff := cmp.Diff(want, statuses(out)); diff != "" || out.Status != event.Denied || !out.Denied {
		t.Errorf("%s (-want +got):\n%s", out.Status, diff)
	}
}

// TestKeepGoing is the default: what does not need the failed stage goes on.
func TestKeepGoing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Parallelism = 1
	w.stage("unit", "tester")
	w.stage("train", "builder")
	w.plugins.execute = failing("unit")
	if out := w.mustRun(); statuses(out)["train"] != event.Succeeded || out.Status != event.Failed {
		t.Errorf("outcome = %+v", out)
	}
}

// TestCancelWhileFailingFast lets somebody stop what fails fast: that counts
// for more.
func TestCancelWhileFailingFast(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.block.FailFast = true
	w.stage("unit", "tester")
	w.stage("alert", "builder", "unit").Run = pipeline.OnFailure
	w.stage("clean", "builder", "alert").Run = pipeline.Always
	a := askable(t, w)
	w.plugins.execute = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		switch stageName(call) {
		case "unit":
			return ended(pluginv1.Outcome_OUTCOME_FAILED, "no", false), nil
		case "alert":
			a.cut()
			return untilStopped(ctx, call, sink)
		default:
			return succeeded(""), ctx.Err()
		}
	}
	out, err := w.run(a.ctx)
	want := map[string]event.Status{"unit": event.Failed, "alert": event.Cancelled, "clean": event.Succeeded}
	if diff := cmp.Diff(want, statuses(out)); diff != "" || err != nil || out.Status != event.Cancelled {
		t.Errorf("%s, %v (-want +got):\n%s", out.Status, err, diff)
	}
	if end := w.journal.last(t, event.RunFinished).Finish; !strings.Contains(end.Failure.Summary, "bob") {
		t.Errorf("end = %+v", end.Failure)
	}
}
