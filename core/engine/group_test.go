package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// fakeGroups is scripted; without a script every group is free.
type fakeGroups struct {
	enter func(ctx context.Context, group, stage string, waiting func(event.Wait, []string)) error

	mu      sync.Mutex
	entered []string
	inside  map[string]int
}

func (f *fakeGroups) Enter(ctx context.Context, group, stage string, waiting func(event.Wait, []string)) (func() error, error) {
	if f.enter != nil {
		if err := f.enter(ctx, group, stage, waiting); err != nil {
			return nil, err
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.inside == nil {
		f.inside = make(map[string]int)
	}
	f.entered = append(f.entered, stage)
	f.inside[group]++
	return func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.inside[group]--
		return nil
	}, nil
}

func held(by string) event.Wait {
	return event.Wait{Group: "deploy-prod", Holder: &event.Occupant{Run: by, Stage: "serve"}}
}

// A stage that waits for its group takes no room: with a parallelism of one,
// another one runs, and it is that one which lets the first in.
func TestWaitingForAGroupTakesNoRoom(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Parallelism = 1
	w.stage("serve", "builder").Concurrency.Group = "deploy-prod"
	w.stage("docs", "tester")
	free := make(chan struct{})
	groups := &fakeGroups{enter: func(_ context.Context, _, _ string, waiting func(event.Wait, []string)) error {
		waiting(held("20261123-154209-aaaa"), []string{"20261123-154209-aaaa"})
		<-free
		return nil
	}}
	w.options.Groups = groups
	w.plugins.execute = func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		if call.Test != nil {
			close(free)
		}
		return succeeded(""), nil
	}
	if out := w.mustRun(); out.Status != event.Succeeded {
		t.Fatalf("outcome = %+v", out)
	}
	e := w.journal.last(t, event.StageWaiting)
	if want := "waiting for deploy-prod, held by run 20261123-154209-aaaa (stage.serve)"; e.Reason != want || e.Stage != "serve" || e.Waiting.Group != "deploy-prod" {
		t.Errorf("it waits for %q, %+v", e.Reason, e.Waiting)
	}
	if groups.inside["deploy-prod"] != 0 {
		t.Error("the group was not left")
	}
}

// A group is held over retries, and not while a stage waits for its needs.
func TestGroupIsHeldOverRetries(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	groups := &fakeGroups{}
	w.options.Groups = groups
	w.stage("build", "builder")
	serve := w.stage("serve", "tester", "build")
	serve.Concurrency.Group = "g"
	serve.Retry = pipeline.Retry{Attempts: 3}
	tries := 0
	w.plugins.execute = func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		groups.mu.Lock()
		defer groups.mu.Unlock()
		if call.Build != nil {
			if len(groups.entered) != 0 {
				t.Error("the group was entered before its needs were met")
			}
			return succeeded(""), nil
		}
		if groups.inside["g"] != 1 {
			t.Error("it runs outside its group")
		}
		if tries++; tries < 3 {
			return ended(pluginv1.Outcome_OUTCOME_FAILED, "busy", true), nil
		}
		return succeeded(""), nil
	}
	if out := w.mustRun(); out.Status != event.Succeeded {
		t.Fatalf("outcome = %+v", out)
	}
	if diff := cmp.Diff([]string{"serve"}, groups.entered); diff != "" {
		t.Errorf("entered (-want +got):\n%s", diff)
	}
}

func TestCancelWhileWaitingForAGroup(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	serve := w.stage("serve", "builder")
	serve.Concurrency.Group = "g"
	w.stage("cleanup", "tester", "serve").Run = pipeline.Always
	ctx, cancel := context.WithCancelCause(t.Context())
	w.options.Groups = &fakeGroups{enter: func(ctx context.Context, _, _ string, waiting func(event.Wait, []string)) error {
		waiting(held("x"), []string{"x"})
		cancel(errors.New("changed my mind"))
		<-ctx.Done()
		return context.Cause(ctx)
	}}
	out, err := w.run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	w.checkEnds()
	if got := stageOf(t, out, "serve"); got.Status != event.Cancelled || !strings.Contains(got.Failure.Summary, "changed my mind") || out.Status != event.Cancelled {
		t.Errorf("serve = %s %+v, run %s", got.Status, got.Failure, out.Status)
	}
	if got := stageOf(t, out, "cleanup"); got.Status != event.Succeeded {
		t.Errorf("cleanup = %+v", got)
	}
}

func TestGroupThatCannotBeEntered(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("serve", "builder").Concurrency.Group = "g"
	w.options.Groups = &fakeGroups{enter: func(context.Context, string, string, func(event.Wait, []string)) error {
		return errors.New("read-only file system")
	}}
	out := w.mustRun()
	got := stageOf(t, out, "serve")
	if got.Status != event.Errored || got.Failure.Class != engine.ClassState || len(w.plugins.executed) != 0 {
		t.Errorf("serve = %s %+v after %d executions", got.Status, got.Failure, len(w.plugins.executed))
	}
}

// Only runs that are older are asked to end, each once, and the record says so.
func TestCancelOlder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("serve", "builder").Concurrency = pipeline.Concurrency{Group: "g", CancelOlder: true}
	older, newer := "20261123-154209-aaaa", "20261123-154211-zzzz"
	w.options.Groups = &fakeGroups{enter: func(_ context.Context, _, _ string, waiting func(event.Wait, []string)) error {
		waiting(held(older), []string{older, w.options.RunID, newer})
		waiting(held(newer), []string{newer})
		return nil
	}}
	var asked []string
	w.options.CancelRun = func(_ context.Context, run, reason string) error {
		asked = append(asked, run)
		if !strings.Contains(reason, w.options.RunID) || !strings.Contains(reason, "stage.serve") {
			t.Errorf("reason = %q", reason)
		}
		return nil
	}
	w.mustRun()
	if diff := cmp.Diff([]string{older}, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	e := w.journal.last(t, event.StageWaiting)
	if !slices.Equal(e.Waiting.Cancelling, asked) || !strings.HasSuffix(e.Reason, "; asked to end: "+older) {
		t.Errorf("recorded %q, %+v", e.Reason, e.Waiting)
	}
	var shown []string
	for _, e := range w.view.of(event.StageWaiting) {
		shown = append(shown, e.Waiting.Holder.Run)
	}
	if diff := cmp.Diff([]string{older, newer}, shown); diff != "" {
		t.Errorf("shown (-want +got):\n%s", diff)
	}
}
