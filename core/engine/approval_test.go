package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

func voice(principal, verdict string) engine.Voice {
	return engine.Voice{
		Event: event.Approval{Verdict: verdict, Principal: principal, Fingerprint: "SHA256:" + principal, PlanDigest: digestOf([]byte("objects"))},
		Vote:  []byte("vote of " + principal),
	}
}

// approvedRelease is a deployer stage that two people have to approve, and what
// is around it.
func approvedRelease(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.eval.environment = "production"
	w.stage("build", "builder")
	w.stage("serve", "deployer", "build").Approval = &pipeline.Approval{Required: 2, Approvers: []string{"alice", "bob"}}
	w.stage("smoke", "tester", "serve")
	w.stage("cleanup", "tester", "smoke").Run = pipeline.Always
	w.stage("docs", "tester", "build")
	return w
}

func TestTooFewApprovalsWait(t *testing.T) {
	t.Parallel()
	w := approvedRelease(t)
	var asked engine.ApprovalRequest
	w.gate.approvals = func(req engine.ApprovalRequest) (*engine.Tally, error) {
		asked = req
		return &engine.Tally{Approved: []engine.Voice{voice("alice", "approve")}, Ignored: []string{"the vote of mallory: no"}}, nil
	}
	out := w.mustRun()
	want := map[string]event.Status{
		"build": event.Succeeded, "serve": event.Waiting, "smoke": event.Waiting, "cleanup": event.Waiting, "docs": event.Succeeded,
	}
	if diff := cmp.Diff(want, statuses(out)); diff != "" || out.Status != event.Waiting {
		t.Errorf("run %s (-want +got):\n%s", out.Status, diff)
	}
	if applied := w.plugins.applied(); len(applied) != 0 {
		t.Errorf("applied %v", applied)
	}
	if asked.PlanDigest != digestOf([]byte("objects")) || asked.Environment != "production" || asked.RunID != w.options.RunID || asked.Stage.Name != "serve" {
		t.Errorf("asked for %+v", asked)
	}
	var waiting []event.Event
	for _, e := range w.journal.all() {
		if e.Type == event.StageWaiting {
			waiting = append(waiting, e)
		}
	}
	if len(waiting) != 3 || waiting[0].Stage != "serve" || waiting[1].Reason != "it waits for stage.serve" || waiting[2].Reason != "it waits for stage.smoke" {
		t.Fatalf("waiting = %+v", waiting)
	}
	got := waiting[0].Waiting.Approval
	if got.Required != 2 || got.PlanDigest != asked.PlanDigest || got.DecisionDigest == "" || got.Environment != "production" ||
		!cmp.Equal(got.Approved, []string{"alice"}) || !cmp.Equal(got.Approvers, []string{"alice", "bob"}) {
		t.Errorf("asked for %+v", got)
	}
	if want := "waiting for 1 approval of plan " + asked.PlanDigest + " (1 of 2: alice)"; waiting[0].Reason != want {
		t.Errorf("reason = %q, want %q", waiting[0].Reason, want)
	}
	if d := w.view.of(event.StageDiagnostic); len(d) != 1 || d[0].Diagnostic.Detail != "the vote of mallory: no" {
		t.Errorf("warnings = %+v", d)
	}
	if e := w.journal.last(t, event.RunFinished); e.Finish.Status != event.Waiting || e.Finish.Failure != nil {
		t.Errorf("end = %+v", e.Finish)
	}
}

func TestAFailureCountsForMoreThanAWait(t *testing.T) {
	t.Parallel()
	w := approvedRelease(t)
	w.plugins.execute = func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		if stageName(call) == "docs" {
			return ended(pluginv1.Outcome_OUTCOME_FAILED, "typo", false), nil
		}
		return succeeded(""), nil
	}
	if out := w.mustRun(); out.Status != event.Failed || statuses(out)["serve"] != event.Waiting {
		t.Errorf("run %s, %v", out.Status, statuses(out))
	}
}

// What counts is on record, with the votes, before anything is applied.
func TestEnoughApprovals(t *testing.T) {
	t.Parallel()
	w := approvedRelease(t)
	w.gate.approvals = func(engine.ApprovalRequest) (*engine.Tally, error) {
		return &engine.Tally{Approved: []engine.Voice{voice("alice", "approve"), voice("bob", "approve")}}, nil
	}
	if out := w.mustRun(); out.Status != event.Succeeded {
		t.Fatalf("outcome = %+v", out)
	}
	want := []event.Type{
		event.AttemptStarted, event.PlanMade, event.DecisionMade, event.ApprovalCounted, event.ApprovalCounted,
		event.ApplyStarted, event.AttemptFinished, event.StageFinished,
	}
	if diff := cmp.Diff(want, w.journal.types("serve")); diff != "" {
		t.Errorf("journal of serve (-want +got):\n%s", diff)
	}
	last := w.journal.last(t, event.ApprovalCounted).Approval
	if last.Principal != "bob" || last.Fingerprint != "SHA256:bob" || string(w.blobs.kept[last.Digest]) != "vote of bob" {
		t.Errorf("recorded %+v", last)
	}
}

func TestApprovalsThatDoNotLetThrough(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		tally  func() (*engine.Tally, error)
		status event.Status
		class  string
	}{
		"rejected": {func() (*engine.Tally, error) {
			return &engine.Tally{Approved: []engine.Voice{voice("alice", "approve"), voice("carol", "approve")}, Rejected: []engine.Voice{voice("bob", "reject")}}, nil
		}, event.Failed, engine.ClassRejected},
		"the gate breaks": {func() (*engine.Tally, error) { return nil, errors.New("no allowed signers") }, event.Errored, engine.ClassPolicyError},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := approvedRelease(t)
			w.gate.approvals = func(engine.ApprovalRequest) (*engine.Tally, error) { return tt.tally() }
			out := w.mustRun()
			got := stageOf(t, out, "serve")
			if got.Status != tt.status || got.Failure.Class != tt.class || out.Status != tt.status || statuses(out)["smoke"] != event.Skipped {
				t.Errorf("serve = %s %+v, run %s", got.Status, got.Failure, out.Status)
			}
			if applied := w.plugins.applied(); len(applied) != 0 {
				t.Errorf("applied %v", applied)
			}
		})
	}
}

// While it waits in its place, a stage is in no group and takes no room; when
// enough have approved, its plan is made and judged again, and when that is
// another one, it waits again and says what is different.
func TestWaitForApprovalInPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Parallelism, w.options.ApprovalWait = 1, waitForTests
	groups := &fakeGroups{}
	w.options.Groups = groups
	serve := w.stage("serve", "deployer")
	serve.Approval, serve.Concurrency.Group = &pipeline.Approval{Required: 1}, "prod"
	w.stage("docs", "tester")
	first := &pluginv1.Change{Object: "Deployment digits", Diff: "replicas: 2"}
	w.plugins.plan = func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
		if len(w.plugins.planned) == 1 {
			return planned("one", first), nil
		}
		return planned("two", &pluginv1.Change{Object: "Deployment digits", Diff: "replicas: 4"}), nil
	}
	docs := make(chan struct{})
	w.plugins.execute = func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		if call.Test != nil {
			close(docs)
		}
		return succeeded(""), nil
	}
	counts := make(map[string]int)
	w.gate.approvals = func(req engine.ApprovalRequest) (*engine.Tally, error) {
		if counts[req.PlanDigest]++; counts[req.PlanDigest] == 1 {
			return &engine.Tally{}, nil
		}
		<-docs // which runs meanwhile
		groups.mu.Lock()
		defer groups.mu.Unlock()
		if counts[req.PlanDigest] == 2 && groups.inside["prod"] != 0 {
			t.Error("it keeps its group while it waits")
		}
		return &engine.Tally{Approved: []engine.Voice{voice("alice", "approve")}}, nil
	}
	if out := w.mustRun(); out.Status != event.Succeeded {
		t.Fatalf("outcome = %+v", out)
	}
	var reasons []string
	for _, e := range w.journal.all() {
		if e.Type == event.StageWaiting {
			reasons = append(reasons, e.Reason)
		}
	}
	if len(reasons) != 2 || !strings.Contains(reasons[1], "The plan has changed: approvals of "+digestOf([]byte("one"))) || !strings.HasSuffix(reasons[1], "These differ: Deployment digits.") {
		t.Errorf("reasons = %q", reasons)
	}
	if applied := w.plugins.applied(); len(applied) != 1 {
		t.Errorf("applied %v", applied)
	}
	if n := w.journal.last(t, event.AttemptFinished).Attempt; n != 3 {
		t.Errorf("the last attempt is %d", n)
	}
}

func TestCancelWhileWaitingForApproval(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.ApprovalWait = waitForTests
	w.stage("serve", "deployer").Approval = &pipeline.Approval{Required: 1}
	ctx, cancel := context.WithCancelCause(t.Context())
	calls := 0
	w.gate.approvals = func(engine.ApprovalRequest) (*engine.Tally, error) {
		if calls++; calls == 2 {
			cancel(errors.New("changed my mind"))
		}
		return &engine.Tally{}, nil
	}
	out, err := w.run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if got := stageOf(t, out, "serve"); got.Status != event.Cancelled || out.Status != event.Cancelled {
		t.Errorf("serve = %s, run %s", got.Status, out.Status)
	}
}

// What waits in its place has begun nothing. A run that is to stop after what
// runs does not wait hours for people then, and not even their voices start it.
func TestStopAfterCurrentWhileWaitingForApproval(t *testing.T) {
	t.Parallel()
	for name, voices := range map[string][]engine.Voice{"nobody speaks": nil, "enough speak at once": {voice("alice", "approve")}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.ApprovalWait = waitForTests
			w.stage("serve", "deployer").Approval = &pipeline.Approval{Required: 1}
			w.stage("clean", "builder", "serve").Run = pipeline.Always
			a := askable(t, w)
			calls := 0
			w.gate.approvals = func(engine.ApprovalRequest) (*engine.Tally, error) {
				if calls++; calls == 1 {
					return &engine.Tally{}, nil
				}
				a.drain()
				return &engine.Tally{Approved: voices}, nil
			}
			out, err := w.run(a.ctx)
			if err != nil {
				t.Fatal(err)
			}
			want := map[string]event.Status{"serve": event.Cancelled, "clean": event.Succeeded}
			if diff := cmp.Diff(want, statuses(out)); diff != "" || out.Status != event.Cancelled {
				t.Errorf("%s (-want +got):\n%s", out.Status, diff)
			}
			if applied := w.plugins.applied(); len(applied) != 0 {
				t.Errorf("applied %v", applied)
			}
		})
	}
}

// A resumed run plans again, has policy stages judge again, and says what has
// changed since approvals were asked for.
func TestResumeAfterWaitingForApproval(t *testing.T) {
	t.Parallel()
	build := func() *world {
		w := newWorld(t)
		w.stage("check", "policy")
		w.stage("serve", "deployer", "check").Approval = &pipeline.Approval{Required: 1}
		return w
	}
	w := build()
	if out := w.mustRun(); out.Status != event.Waiting {
		t.Fatalf("outcome = %+v", out)
	}
	again := build()
	again.options.Past = &engine.Past{Stages: engine.Recall(w.journal.all())}
	again.plugins.plan = func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
		return planned("others", &pluginv1.Change{Object: "Service digits"}), nil
	}
	out := again.mustRun()
	reason := again.journal.last(t, event.StageWaiting).Reason
	if out.Status != event.Waiting || !strings.Contains(reason, "approvals of "+digestOf([]byte("objects"))) || !strings.HasSuffix(reason, "These differ: Service digits.") {
		t.Errorf("run %s, %q", out.Status, reason)
	}
	third := build()
	third.options.Past = &engine.Past{Stages: engine.Recall(w.journal.all())}
	third.gate.approvals = func(engine.ApprovalRequest) (*engine.Tally, error) {
		return &engine.Tally{Approved: []engine.Voice{voice("alice", "approve")}}, nil
	}
	if out := third.mustRun(); out.Status != event.Succeeded || len(third.plugins.applied()) != 1 {
		t.Errorf("run %s, applied %v", out.Status, third.plugins.applied())
	}
}

// waitForTests is longer than any test takes.
const waitForTests = 1 << 40
