package engine_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

const pure = pluginv1.Effect_EFFECT_PURE

// executed are the stages that plugins were asked for, in order.
func executed(w *world) (out []string) {
	for _, c := range w.plugins.executed {
		name := strings.TrimPrefix(attemptOf(c).GetStage(), "stage.")
		if c.Observe != nil {
			name = "see " + name
		}
		out = append(out, name)
	}
	return out
}

// goOn runs the stages that set up makes, and again with what is on record of
// the first time; it gives what the second time has executed.
func goOn(t *testing.T, setup func(w *world, second bool)) (*world, []string, engine.Outcome) {
	t.Helper()
	first := newWorld(t)
	first.options.Parallelism = 1
	setup(first, false)
	first.mustRun()
	second := newWorld(t)
	second.options.Parallelism = 1
	second.options.Past = past(first.journal.all())
	setup(second, true)
	out, err := second.run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return second, executed(second), out
}

func past(events []event.Event) *engine.Past { return &engine.Past{Stages: engine.Recall(events)} }

// unlucky has the named stages fail, the first time alone.
func unlucky(second bool, names ...string) func(context.Context, engine.Call, func(*pluginv1.Event) error) (*pluginv1.Result, error) {
	return func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		name := strings.TrimPrefix(attemptOf(call).GetStage(), "stage.")
		if !second && slices.Contains(names, name) {
			return ended(pluginv1.Outcome_OUTCOME_FAILED, "no luck", false), nil
		}
		return succeeded(name), nil
	}
}

// A cleanup that has followed a failure follows the next try as well; what was
// skipped for its own reasons, and what came behind that, stays.
func TestCleanupFollowsWhatRunsAgain(t *testing.T) {
	t.Parallel()
	w, ran, out := goOn(t, func(w *world, second bool) {
		w.stage("train", "builder").Schema.Effect = pure
		w.stage("test", "tester", "train").Schema.Effect = pure
		w.stage("report", "builder", "test").Schema.Effect = pure
		w.stage("clean", "builder", "test").Run = pipeline.Always
		w.stage("clean train", "builder", "train").Run = pipeline.Always
		w.stage("mail", "builder", "test").Run = pipeline.OnFailure
		w.stage("other", "builder", "train").Schema.Effect = pure
		w.stage("behind", "builder", "other").Schema.Effect = pure
		w.eval.when = map[string]string{"other": "it is not wanted"}
		w.plugins.execute = unlucky(second, "test")
	})
	if diff := cmp.Diff([]string{"test", "report", "clean"}, ran); diff != "" || out.Status != event.Succeeded {
		t.Errorf("%s (-want +got):\n%s", out.Status, diff)
	}
	want := map[string]event.Status{
		"train": event.Succeeded, "test": event.Succeeded, "report": event.Succeeded, "clean": event.Succeeded,
		"clean train": event.Succeeded, "mail": event.Skipped, "other": event.Skipped, "behind": event.Succeeded,
	}
	if diff := cmp.Diff(want, statuses(out)); diff != "" {
		t.Error(diff)
	}
	if got := w.journal.types("other"); len(got) != 0 {
		t.Errorf("what stands is recorded again: %v", got)
	}
	if e := w.journal.all()[0]; e.Type != event.RunResumed || e.Reason != "4 of 8 stages done" {
		t.Errorf("it begins with %+v", e)
	}
}

// A deployer that is found failed has failed; the next time it starts again,
// through the whole gate.
func TestObservedFailure(t *testing.T) {
	t.Parallel()
	events := []event.Event{
		{Type: event.RunStarted},
		{Type: event.AttemptStarted, Stage: "serve", Attempt: 1},
		{Type: event.ApplyStarted, Stage: "serve", Attempt: 1},
		{Type: event.StageHandle, Stage: "serve", Attempt: 1, Handle: []byte("where")},
	}
	run := func(answer *pluginv1.Result) (*world, engine.Outcome) {
		w := newWorld(t)
		w.stage("serve", "deployer")
		w.options.Past = past(events)
		w.plugins.execute = func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
			if call.Observe != nil && (string(call.Observe.GetHandle().GetData()) != "where" || !call.Observe.GetFollow()) {
				t.Errorf("observed %v", call.Observe)
			}
			return answer, nil
		}
		out := w.mustRun()
		events = append(events, w.journal.all()...)
		return w, out
	}
	w, out := run(ended(pluginv1.Outcome_OUTCOME_ERROR, "the cluster is away", false))
	if diff := cmp.Diff([]string{"see serve"}, executed(w)); diff != "" || out.Status != event.Errored {
		t.Errorf("%s %s", out.Status, diff)
	}
	w, out = run(ended(pluginv1.Outcome_OUTCOME_FAILED, "it was rolled back", false))
	if diff := cmp.Diff([]string{"see serve"}, executed(w)); diff != "" || out.Status != event.Failed {
		t.Errorf("%s %s", out.Status, diff)
	}
	w, out = run(succeeded("serve"))
	if diff := cmp.Diff([]string{"serve"}, executed(w)); diff != "" || out.Status != event.Succeeded || len(w.gate.requests) != 1 {
		t.Errorf("%s, decided %d times: %s", out.Status, len(w.gate.requests), diff)
	}
}

// When the plan at the deployer's turn was not the one that was judged, the
// policy stage judges again.
func TestChangedPlanIsJudgedAgain(t *testing.T) {
	t.Parallel()
	_, ran, out := goOn(t, func(w *world, second bool) {
		w.stage("build", "builder").Schema.Effect = pure
		w.stage("compliance", "policy", "build").Schema.Effect = pure
		w.stage("serve", "deployer", "build", "compliance")
		made := 0
		w.plugins.plan = func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
			if made++; second {
				return planned("settled"), nil
			}
			return planned(strings.Repeat("x", made)), nil
		}
	})
	if diff := cmp.Diff([]string{"serve"}, ran); diff != "" || out.Status != event.Succeeded {
		t.Errorf("%+v (-want +got):\n%s", out.Stages, diff)
	}
}

// A policy stage that has judged a plan still holds the deployer to it.
func TestJudgementOutlivesTheRunner(t *testing.T) {
	t.Parallel()
	w, _, out := goOn(t, func(w *world, second bool) {
		w.stage("build", "builder").Schema.Effect = pure
		w.stage("compliance", "policy", "build").Schema.Effect = pure
		w.stage("approve", "tester", "compliance").Schema.Effect = pure
		w.stage("serve", "deployer", "compliance")
		w.stage("gate", "tester").Schema.Effect = pure
		w.stages[3].Needs = []string{"compliance", "gate"}
		w.plugins.execute = unlucky(second, "serve")
		w.plugins.plan = func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
			if second {
				return planned("another"), nil
			}
			return planned("judged", &pluginv1.Change{Action: pluginv1.ChangeAction_CHANGE_ACTION_CREATE, Object: "Deployment/x"}), nil
		}
	})
	got := stageOf(t, out, "serve")
	if got.Status != event.Failed || got.Failure.Class != engine.ClassPlanChanged || !strings.Contains(got.Failure.Detail, "Deployment/x") {
		t.Errorf("serve: %+v", got.Failure)
	}
	if len(w.gate.requests) != 0 {
		t.Errorf("it was decided on %d times", len(w.gate.requests))
	}
}

// Outputs that are sensitive are not on record: a stage whose output is needed
// runs again if it may, and a deployer only looks at what it has applied.
func TestSensitiveOutputsAreMadeAgain(t *testing.T) {
	t.Parallel()
	setup := func(w *world, second bool) {
		w.stage("login", "builder").Schema.Effect = pure
		w.stage("serve", "deployer", "login")
		w.stage("unused", "builder").Schema.Effect = pure
		w.stage("test", "tester", "login", "serve", "unused").Schema.Effect = pure
		w.stage("user", "tester", "test", "serve").Schema.Effect = pure
		w.eval.with = map[string]withFunc{"test": using("unused", "word"), "user": using("serve", "key"), "serve": using("login", "key")}
		w.plugins.execute = unlucky(second, "test")
		fail := w.plugins.execute
		w.plugins.execute = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
			res, err := fail(ctx, call, sink)
			if res.GetOutcome() == pluginv1.Outcome_OUTCOME_SUCCEEDED {
				res.Outputs = outputs("word", "a secret key")
			}
			return res, err
		}
	}
	w, ran, out := goOn(t, setup)
	if diff := cmp.Diff([]string{"login", "see serve", "test", "user"}, ran); diff != "" || out.Status != event.Succeeded {
		t.Errorf("%s %+v (-want +got):\n%s", out.Status, out.Stages, diff)
	}
	for _, e := range w.journal.all() {
		if e.Finish != nil && strings.Contains(string(e.Finish.Outputs), "a secret key") {
			t.Errorf("the secret is in the journal: %s", e.Finish.Outputs)
		}
	}
}

// One that must not run twice is not run for its outputs, and nothing else is.
func TestSensitiveOutputsOfWhatMustNotRunTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("order", "builder")
	w.stage("user", "tester", "order").Schema.Effect = pure
	w.eval.with = map[string]withFunc{"user": using("order", "key")}
	w.options.Past = past([]event.Event{
		{Type: event.RunStarted},
		{Type: event.AttemptStarted, Stage: "order", Attempt: 1},
		{Type: event.StageFinished, Stage: "order", Finish: &event.Finish{Status: event.Succeeded, Withheld: []string{"key"}}},
	})
	_, err := w.run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "A sensitive output of stage.order is needed again") {
		t.Errorf("got %v", err)
	}
	if len(w.journal.all()) != 0 || len(w.plugins.executed) != 0 {
		t.Errorf("it was recorded or run: %v", w.journal.all())
	}
}
