package engine_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

var errInterrupt = errors.New("interrupt")

func TestCancelStopsAndCleansUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("train", "builder")
	w.stage("test", "tester", "train")
	w.stage("alert", "builder", "train").Run = pipeline.OnFailure
	w.stage("clean", "builder", "train").Run = pipeline.Always
	ctx, cancel := context.WithCancelCause(t.Context())
	w.plugins.execute = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		if stageName(call) != "train" {
			return succeeded(""), ctx.Err()
		}
		cancel(errInterrupt)
		return untilStopped(ctx, call, sink)
	}
	out, err := w.run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.checkEnds()
	want := map[string]event.Status{"train": event.Cancelled, "test": event.Skipped, "alert": event.Skipped, "clean": event.Succeeded}
	if diff := cmp.Diff(want, statuses(out)); diff != "" || out.Status != event.Cancelled {
		t.Errorf("%s (-want +got):\n%s", out.Status, diff)
	}
	if got := stageOf(t, out, "test").Reason; got != "the run was cancelled: interrupt" {
		t.Errorf("reason = %q", got)
	}
	if got := w.journal.last(t, event.RunCancelling); got.Reason != "interrupt" {
		t.Errorf("cancelling = %+v", got)
	}
	if end := w.journal.last(t, event.RunFinished).Finish; end.Failure.Summary != "cancelled: interrupt" {
		t.Errorf("end = %+v", end.Failure)
	}
}

func TestCleanupHasABudget(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		w.options.Cleanup = 3 * time.Minute
		w.stage("clean", "builder").Run = pipeline.Always
		w.plugins.execute = untilStopped
		ctx, cancel := context.WithCancelCause(t.Context())
		start := time.Now()
		time.AfterFunc(time.Minute, func() { cancel(errInterrupt) })
		out, err := w.run(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got := stageOf(t, out, "clean")
		if took := time.Since(start); took != 4*time.Minute || got.Status != event.Cancelled || !strings.Contains(got.Failure.Summary, "3m") {
			t.Errorf("after %v: %+v", took, got.Failure)
		}
	})
	w.checkEnds()
}

func TestAbortEndsTheCleanup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	abort, end := context.WithCancelCause(t.Context())
	w.options.Abort = abort
	w.stage("clean", "builder").Run = pipeline.Always
	ctx, cancel := context.WithCancelCause(t.Context())
	w.plugins.execute = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		cancel(errInterrupt)
		end(errInterrupt)
		return untilStopped(ctx, call, sink)
	}
	out, err := w.run(ctx)
	if err != nil || statuses(out)["clean"] != event.Cancelled {
		t.Errorf("outcome = %+v, %v", out, err)
	}
}

func TestCancelWhileBackingOff(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	synctest.Test(t, func(t *testing.T) {
		w.stage("push", "builder").Retry = pipeline.Retry{Attempts: 3, Backoff: time.Hour}
		w.plugins.execute = func(context.Context, engine.Call, func(*pluginv1.Event) error) (*pluginv1.Result, error) {
			return ended(pluginv1.Outcome_OUTCOME_ERROR, "503", true), nil
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		start := time.Now()
		time.AfterFunc(time.Minute, func() { cancel(errInterrupt) })
		out, err := w.run(ctx)
		if err != nil || statuses(out)["push"] != event.Cancelled || time.Since(start) != time.Minute {
			t.Errorf("after %v: %+v, %v", time.Since(start), out, err)
		}
	})
	w.checkEnds()
}

// rich is a pipeline that takes every path: retry, denial, failure, skip,
// cleanup.
func rich(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.stage("build", "builder").Retry = pipeline.Retry{Attempts: 2}
	w.stage("test", "tester", "build")
	w.stage("flaky", "tester", "build")
	w.stage("after", "tester", "flaky")
	w.stage("check", "policy")
	w.stage("serve", "deployer", "test", "check")
	w.stage("report", "builder", "serve", "after").Run = pipeline.Always
	w.stage("alert", "builder", "flaky").Run = pipeline.OnFailure
	var tries atomic.Int64
	w.plugins.execute = func(_ context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		switch stageName(call) {
		case "build":
			if tries.Add(1) == 1 {
				return ended(pluginv1.Outcome_OUTCOME_ERROR, "503", true), nil
			}
			if err := sink(&pluginv1.Event{Body: &pluginv1.Event_Artifact{Artifact: &pluginv1.Artifact{Digest: digestOf(nil)}}}); err != nil {
				return nil, err
			}
		case "flaky":
			return ended(pluginv1.Outcome_OUTCOME_FAILED, "no", false), nil
		}
		if err := sink(logEvent("hello\n")); err != nil {
			return nil, err
		}
		return succeeded("word"), nil
	}
	return w
}

// TestCancelAtEveryTransition cancels a run at each append to its journal: it
// always ends, with one end for each stage.
func TestCancelAtEveryTransition(t *testing.T) {
	t.Parallel()
	whole := rich(t)
	whole.mustRun()
	for n := 1; n <= whole.journal.appends; n++ {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			w := rich(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			w.journal.fail = func(appended int, _ []event.Event) error {
				if appended == n {
					cancel(errInterrupt)
				}
				return nil
			}
			out, err := w.run(ctx)
			if err != nil {
				t.Fatal(err)
			}
			w.checkEnds()
			if n == 1 && (out.Status != event.Cancelled || statuses(out)["report"] != event.Succeeded) {
				t.Errorf("outcome = %+v", out)
			}
		})
	}
}

// TestJournalFaultAtEveryAppend breaks the journal at each append: the run
// ends, says that it is we who failed, and applies nothing that is not decided
// on record.
func TestJournalFaultAtEveryAppend(t *testing.T) {
	t.Parallel()
	whole := rich(t)
	whole.mustRun()
	for n := 1; n <= whole.journal.appends; n++ {
		for class, cause := range map[string]error{engine.ClassState: syscall.EIO, engine.ClassDiskFull: syscall.ENOSPC} {
			t.Run(fmt.Sprint(n, " ", class), func(t *testing.T) {
				t.Parallel()
				w := rich(t)
				decided := false
				w.journal.fail = func(appended int, events []event.Event) error {
					if appended == n || appended > n && class == engine.ClassState {
						return cause
					}
					decided = decided || events[0].Type == event.DecisionMade && events[0].Stage == "serve"
					return nil
				}
				out, err := w.run(t.Context())
				var record *engine.RecordError
				if !errors.As(err, &record) || !errors.Is(err, cause) {
					t.Fatalf("err = %v", err)
				}
				if out.Status != event.Errored {
					t.Errorf("status = %s", out.Status)
				}
				if len(w.plugins.applied()) > 0 && !decided {
					t.Error("applied without a decision on record")
				}
				if class == engine.ClassDiskFull && n > 1 && n < whole.journal.appends {
					// Room was made: the end is on record.
					if end := w.journal.last(t, event.RunFinished).Finish; end.Status != event.Errored || end.Failure.Class != class {
						t.Errorf("end = %+v, %+v", end, end.Failure)
					}
				}
			})
		}
	}
}

// TestRandomPipelines checks of many pipelines that every run ends with one end
// for each stage and that nothing runs before what it needs has ended.
func TestRandomPipelines(t *testing.T) {
	t.Parallel()
	for seed := range uint64(150) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			rng := rand.New(rand.NewPCG(seed, 3))
			w := newWorld(t)
			w.options.Parallelism = 1 + rng.IntN(4)
			randomStages(w, rng)
			if engine.Check(&pipeline.Pipeline{Stages: w.stages}).HasErrors() {
				return // a policy stage would have to judge a plan before it can be made
			}
			ctx, cancel := context.WithCancelCause(t.Context())
			cancelAt := rng.IntN(100)
			w.journal.fail = func(appended int, _ []event.Event) error {
				if appended == cancelAt {
					cancel(errInterrupt)
				}
				return nil
			}
			outcomes := []pluginv1.Outcome{1, 1, 1, 2, 3, 4, 0}
			w.plugins.execute = func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
				o := outcomes[(len(stageName(call))*7+int(seed))%len(outcomes)]
				if o == 1 {
					return succeeded(""), nil
				}
				return ended(o, "scripted", seed%2 == 0), nil
			}
			w.gate.decide = func(req engine.DecisionRequest) (*engine.Decision, error) {
				return [](func(engine.DecisionRequest) *engine.Decision){allow, allow, deny}[seed%3](req), nil
			}
			if _, err := w.run(ctx); err != nil {
				t.Fatal(err)
			}
			w.checkEnds()
			checkOrder(t, w)
		})
	}
}

func randomStages(w *world, rng *rand.Rand) {
	kinds := []string{"builder", "tester", "builder", "policy", "deployer"}
	for i := range 1 + rng.IntN(15) {
		kind := kinds[rng.IntN(len(kinds))]
		var needs []string
		for j := range i {
			// Only deployer stages need policy stages here: else most would be cycles.
			if rng.IntN(4) == 0 && (kind == "deployer" || w.stages[j].Component.Name != "policy") {
				needs = append(needs, w.stages[j].Name)
			}
		}
		s := w.stage(strings.Repeat("s", i+1), kind, needs...)
		s.Run = pipeline.RunMode(max(0, rng.IntN(6)-3))
		s.Retry.Attempts = 1 + rng.IntN(2)
	}
}

func checkOrder(t *testing.T, w *world) {
	t.Helper()
	ended := make(map[string]bool)
	for _, e := range w.journal.all() {
		switch e.Type {
		case event.AttemptStarted:
			for _, s := range w.stages {
				for _, need := range s.Needs {
					if s.Name == e.Stage && !ended[need] {
						t.Errorf("%s started before %s had ended", s.Name, need)
					}
				}
			}
		case event.StageFinished, event.StageSkipped:
			ended[e.Stage] = true
		}
	}
}
