package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// release is build, a policy stage and a deployer stage that needs both.
func release(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.stage("build", "builder")
	w.stage("check", "policy")
	w.stage("serve", "deployer", "build", "check")
	return w
}

type decideFunc = func(engine.DecisionRequest) (*engine.Decision, error)

// TestNothingButAnAllowedPlanIsApplied is the promise of the gate: whatever
// else happens, Apply is never called.
func TestNothingButAnAllowedPlanIsApplied(t *testing.T) {
	t.Parallel()
	decision := func(change func(*engine.Decision)) decideFunc {
		return func(req engine.DecisionRequest) (*engine.Decision, error) {
			d := allow(req)
			change(d)
			return d, nil
		}
	}
	tests := []struct {
		name   string
		decide decideFunc
		status event.Status
		class  string
	}{
		{"deny", func(r engine.DecisionRequest) (*engine.Decision, error) { return deny(r), nil }, event.Denied, engine.ClassDenied},
		{"deny without violations", decision(func(d *engine.Decision) { d.Event.Verdict = "deny" }), event.Denied, engine.ClassDenied},
		{"error", decision(func(d *engine.Decision) { d.Event.Verdict = "error" }), event.Errored, engine.ClassPolicyError},
		{"no verdict", decision(func(d *engine.Decision) { d.Event.Verdict = "" }), event.Errored, engine.ClassPolicyError},
		{"another verdict", decision(func(d *engine.Decision) { d.Event.Verdict = "Allow" }), event.Errored, engine.ClassPolicyError},
		{"allowed with violations", decision(func(d *engine.Decision) { d.Event.Violations = make([]event.Violation, 1) }), event.Errored, engine.ClassPolicyError},
		{"not signed", decision(func(d *engine.Decision) { d.Envelope = nil }), event.Errored, engine.ClassPolicyError},
		{"another plan", decision(func(d *engine.Decision) { d.Event.PlanDigest = digestOf([]byte("x")) }), event.Errored, engine.ClassPolicyError},
		{"no decision", func(engine.DecisionRequest) (*engine.Decision, error) { return nil, nil }, event.Errored, engine.ClassPolicyError},
		{"the gate breaks", func(engine.DecisionRequest) (*engine.Decision, error) { return nil, errors.New("no key") }, event.Errored, engine.ClassPolicyError},
		{"the policy plugin crashes", func(engine.DecisionRequest) (*engine.Decision, error) {
			return nil, &engine.PluginError{Plugin: "policy", Class: "plugin_crashed", Err: errors.New("exit status 2")}
		}, event.Errored, "plugin_crashed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			alone := newWorld(t)
			alone.stage("serve", "deployer")
			alone.gate.decide = tt.decide
			out := alone.mustRun()
			got := stageOf(t, out, "serve")
			if got.Status != tt.status || got.Failure.Class != tt.class || out.Status != tt.status || out.Denied != (tt.status == event.Denied) {
				t.Errorf("without a policy stage: %s %+v, outcome %s", got.Status, got.Failure, out.Status)
			}
			if applied := alone.plugins.applied(); len(applied) != 0 {
				t.Errorf("without a policy stage: applied %v", applied)
			}
			w := release(t)
			w.stages[2].Run = pipeline.Always // no run mode is a way around
			w.gate.decide = tt.decide
			out = w.mustRun()
			if applied := w.plugins.applied(); len(applied) != 0 {
				t.Errorf("with a policy stage: applied %v", applied)
			}
			if out.Status != tt.status {
				t.Errorf("with a policy stage: outcome %s", out.Status)
			}
		})
	}
}

func TestDenialAtThePolicyStage(t *testing.T) {
	t.Parallel()
	w := release(t)
	w.gate.decide = func(r engine.DecisionRequest) (*engine.Decision, error) { return deny(r), nil }
	out := w.mustRun()
	check, serve := stageOf(t, out, "check"), stageOf(t, out, "serve")
	if check.Status != event.Denied || serve.Status != event.Skipped || serve.Reason != "denied by policy: stage.check says no" {
		t.Errorf("check: %+v, serve: %+v", check, serve)
	}
	if want := "images_pinned: the image has no digest (Deployment/digits). Name it by digest."; check.Failure.Detail != want {
		t.Errorf("detail = %q, want %q", check.Failure.Detail, want)
	}
	if want := "policy denies stage.serve: 1 violation"; check.Failure.Summary != want {
		t.Errorf("summary = %q, want %q", check.Failure.Summary, want)
	}
	d := w.journal.last(t, event.DecisionMade)
	if d.Stage != "check" || d.Decision.For != "serve" || d.Decision.Verdict != "deny" {
		t.Errorf("decision = %+v", d)
	}
}

func TestPolicyStageThatFailedElsewhereBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("first", "policy")
	w.stage("second", "policy", "first").Run = pipeline.Always
	w.stage("serve", "deployer", "second").Run = pipeline.Always
	w.gate.decide = func(r engine.DecisionRequest) (*engine.Decision, error) {
		if r.Policies[0].Stage == "first" {
			return deny(r), nil
		}
		return allow(r), nil
	}
	out := w.mustRun()
	if got := stageOf(t, out, "serve"); got.Status != event.Skipped || !strings.Contains(got.Reason, "stage.first") {
		t.Errorf("serve = %+v", got)
	}
	if applied := w.plugins.applied(); len(applied) != 0 {
		t.Errorf("applied %v", applied)
	}
}

func TestWhatTheGateIsAsked(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.eval.environment = "production"
	w.stage("build", "builder")
	w.stage("test", "tester", "build")
	w.stage("base", "policy").Secrets = []string{"bundle_token"}
	w.stage("strict", "policy", "base")
	w.stage("serve", "deployer", "test", "strict").Secrets = []string{"kubeconfig"}
	w.plugins.execute = func(_ context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		res := succeeded("")
		var err error
		if call.Build != nil {
			err = sink(&pluginv1.Event{Body: &pluginv1.Event_Artifact{Artifact: &pluginv1.Artifact{Name: "model", Digest: digestOf(nil)}}})
		}
		if call.Test != nil {
			res.Report = &pluginv1.TestReport{Metrics: []*pluginv1.Metric{{Name: "accuracy", Value: 0.97}}}
		}
		return res, err
	}
	w.plugins.plan = func(_ context.Context, req *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
		resp := planned("objects for " + req.GetAttempt().GetEnvironment())
		resp.Facts = []*pluginv1.Fact{{Name: "cluster.version"}}
		return resp, nil
	}
	if out := w.mustRun(); out.Status != event.Succeeded {
		t.Fatalf("outcome = %+v", out)
	}
	var asked []string
	for _, req := range w.gate.requests {
		var by []string
		for _, p := range req.Policies {
			by = append(by, p.Stage)
		}
		asked = append(asked, strings.Join(by, "+"))
		if req.Stage.Name != "serve" || req.Plan.GetEnvironment() != "production" || len(req.Facts) != 1 || req.Attempt.GetStage() != "stage.serve" {
			t.Errorf("request = %+v", req)
		}
		if len(req.Evidence.Artifacts) != 1 || len(req.Evidence.Reports) != 1 || req.Evidence.Run.Commit != "c0ffee" {
			t.Errorf("evidence = %+v", req.Evidence)
		}
	}
	if diff := cmp.Diff([]string{"base", "strict", "strict+base"}, asked); diff != "" {
		t.Errorf("policies (-want +got):\n%s", diff)
	}
	if got := w.gate.requests[0].Policies[0].Secrets; !slices.Equal(got, []string{"bundle_token"}) {
		t.Errorf("secrets = %v", got)
	}
	keys := make(map[string]bool)
	for _, req := range w.plugins.planned {
		keys[req.GetAttempt().GetIdempotencyKey()] = true
	}
	if len(keys) != 1 {
		t.Errorf("plans of one stage have %d idempotency keys", len(keys))
	}
	kept := w.blobs.kept[w.journal.last(t, event.DecisionMade).Decision.Digest]
	if !strings.Contains(string(kept), digestOf([]byte("objects for production"))) {
		t.Errorf("the stored decision is %q", kept)
	}
}

func TestPolicyStageWithoutDeployer(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]event.Status{"allow": event.Succeeded, "deny": event.Denied} {
		w := newWorld(t)
		w.stage("check", "policy")
		if name == "deny" {
			w.gate.decide = func(r engine.DecisionRequest) (*engine.Decision, error) { return deny(r), nil }
		}
		out := w.mustRun()
		if out.Status != want {
			t.Errorf("%s: %s", name, out.Status)
		}
		if req := w.gate.requests[0]; req.Stage != nil || req.Plan != nil || len(w.plugins.planned) != 0 {
			t.Errorf("%s: request = %+v", name, req)
		}
	}
}

func TestPlanThatChangedIsNotApplied(t *testing.T) {
	t.Parallel()
	created := pluginv1.ChangeAction_CHANGE_ACTION_CREATE
	for name, changes := range map[string][2][]*pluginv1.Change{
		"by their differences from the cluster": {
			{{Action: created, Object: "Service default/digits"}, {Object: "Deployment default/digits", Diff: "replicas: 2"}},
			{{Action: created, Object: "Service default/digits"}, {Object: "Deployment default/digits", Diff: "replicas: 4"}},
		},
		"by their digests": {
			{{Action: created, Object: "Service default/digits", Digest: "a"}, {Action: created, Object: "Deployment default/digits", Digest: "b"}},
			{{Object: "Service default/digits", Diff: "port: 1", Digest: "a"}, {Action: created, Object: "Deployment default/digits", Digest: "c"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testPlanChanged(t, changes)
		})
	}
}

func testPlanChanged(t *testing.T, changes [2][]*pluginv1.Change) {
	t.Helper()
	w := release(t)
	w.plugins.plan = func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
		if len(w.plugins.planned) == 1 {
			return planned("one", changes[0]...), nil
		}
		return planned("two", changes[1]...), nil
	}
	out := w.mustRun()
	got := stageOf(t, out, "serve")
	if got.Status != event.Failed || got.Failure.Class != engine.ClassPlanChanged || out.Status != event.Failed {
		t.Fatalf("serve = %+v", got)
	}
	for _, want := range []string{"These differ: Deployment default/digits.", digestOf([]byte("one")), digestOf([]byte("two")), "Nothing was applied"} {
		if !strings.Contains(got.Failure.Detail, want) {
			t.Errorf("%q is not in %q", want, got.Failure.Detail)
		}
	}
	if applied := w.plugins.applied(); len(applied) != 0 {
		t.Errorf("applied %v", applied)
	}
}

func TestPlansThatAreRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		plan  func() (*pluginv1.PlanResponse, error)
		class string
	}{
		{"another digest", func() (*pluginv1.PlanResponse, error) {
			p := planned("a")
			p.Plan.Content = []byte("b")
			return p, nil
		}, engine.ClassProtocol},
		{"another environment", func() (*pluginv1.PlanResponse, error) {
			p := planned("a")
			p.Plan.Environment = "production"
			return p, nil
		}, engine.ClassProtocol},
		{"empty", func() (*pluginv1.PlanResponse, error) { return planned(""), nil }, engine.ClassProtocol},
		{"too large", func() (*pluginv1.PlanResponse, error) { return planned(strings.Repeat("x", 2<<20+1)), nil }, engine.ClassProtocol},
		{"a secret in it", func() (*pluginv1.PlanResponse, error) { return planned(`{"env":"swordfish"}`), nil }, engine.ClassProtocol},
		{"nothing", func() (*pluginv1.PlanResponse, error) { return &pluginv1.PlanResponse{}, nil }, engine.ClassProtocol},
		{"a diagnostic", func() (*pluginv1.PlanResponse, error) {
			return &pluginv1.PlanResponse{Diagnostics: []*pluginv1.Diagnostic{{Summary: "no such namespace"}}}, nil
		}, engine.ClassPlanFailed},
		{"a failure", func() (*pluginv1.PlanResponse, error) {
			return &pluginv1.PlanResponse{Failure: &pluginv1.Failure{Summary: "cluster cannot be reached"}}, nil
		}, engine.ClassPlanFailed},
		{"a crash", func() (*pluginv1.PlanResponse, error) {
			return nil, &engine.PluginError{Plugin: "fake", Class: "plugin_crashed", Err: errors.New("exit status 2")}
		}, "plugin_crashed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.stage("serve", "deployer")
			w.eval.with = map[string]withFunc{"serve": func(map[string]cty.Value) (cty.Value, diag.List) {
				return config(cty.NullVal(cty.String), cty.StringVal("swordfish").Mark(dynamic.Sensitive)), nil
			}}
			w.plugins.plan = func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) { return tt.plan() }
			got := stageOf(t, w.mustRun(), "serve")
			if got.Status != event.Errored || got.Failure.Class != tt.class {
				t.Errorf("%s: %+v", got.Status, got.Failure)
			}
			if len(w.gate.requests) != 0 || len(w.plugins.executed) != 0 {
				t.Errorf("%d decisions and %d executions", len(w.gate.requests), len(w.plugins.executed))
			}
		})
	}
}

func TestDeployerThatIsNotWantedIsNotPlanned(t *testing.T) {
	t.Parallel()
	w := release(t)
	w.eval.when = map[string]string{"serve": "var.deploy is false"}
	out := w.mustRun()
	if out.Status != event.Succeeded || len(w.plugins.planned) != 0 {
		t.Errorf("%s after %d plans", out.Status, len(w.plugins.planned))
	}
}

func TestHandleIsOnRecordBeforeTheNextEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("serve", "deployer")
	w.plugins.execute = func(_ context.Context, _ engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		if err := sink(&pluginv1.Event{Body: &pluginv1.Event_Handle{Handle: &pluginv1.Handle{Data: []byte("rollout-1")}}}); err != nil {
			return nil, err
		}
		if got := w.journal.last(t, event.StageHandle); string(got.Handle) != "rollout-1" {
			t.Errorf("handle = %q", got.Handle)
		}
		res := ended(pluginv1.Outcome_OUTCOME_FAILED, "1 of 3 replicas cannot be scheduled", false)
		res.Rollout = &pluginv1.Rollout{Phase: pluginv1.RolloutPhase_ROLLOUT_PHASE_DEGRADED, Replicas: 3, Ready: 2}
		return res, nil
	}
	w.mustRun()
	end := w.journal.last(t, event.StageFinished).Finish
	if diff := cmp.Diff(&event.Rollout{Phase: "degraded", Replicas: 3, Ready: 2}, end.Rollout); diff != "" {
		t.Errorf("rollout (-want +got):\n%s", diff)
	}
}

// What was judged is kept beside the decision, denied or not, unless it holds
// what must not be stored.
func TestWhatWasJudgedIsKept(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		input, withheld string
	}{
		"kept":    {`{"schema":"x"}`, ""},
		"nothing": {"", ""},
		"secret":  {`{"token":"hunter2hunter2"}`, "it holds a secret in clear"},
		"large":   {strings.Repeat("x", 1<<20+1), "it has more than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.stage("serve", "deployer")
			w.options.Redactor = &fakeRedactor{secrets: map[string]bool{"hunter2hunter2": true}}
			w.gate.decide = func(r engine.DecisionRequest) (*engine.Decision, error) {
				d := deny(r)
				d.Input = []byte(tt.input)
				return d, nil
			}
			w.mustRun()
			d := w.journal.last(t, event.DecisionMade).Decision
			kept := tt.input
			if tt.withheld != "" {
				kept = ""
			}
			if d.InputWithheld != tt.withheld || string(w.blobs.kept[d.Input]) != kept || (d.Input == "") != (kept == "") {
				t.Errorf("decision = %+v", d)
			}
			for digest, content := range w.blobs.kept {
				if strings.Contains(string(content), "hunter2hunter2") {
					t.Errorf("blob %s holds the secret", digest)
				}
			}
		})
	}
}

// The outcome is what was decided, whatever else is recorded beside it.
func TestOutcomeOfADecision(t *testing.T) {
	t.Parallel()
	base := event.Decision{
		Verdict: "deny", PlanDigest: digestOf([]byte("plan")), Policies: []string{"policy.opa/x"}, Rules: []string{"a"},
		Violations: []event.Violation{{Rule: "a", Message: strings.Repeat("long ", 1000)}},
	}
	outcome := func(change func(*event.Decision)) string {
		d := base
		d.Violations = slices.Clone(base.Violations)
		change(&d)
		engine.Settle(&d, func(s string) string { return s })
		again := d
		engine.Settle(&again, func(s string) string { return s })
		if again.Outcome != d.Outcome {
			t.Error("it changes when it is settled again")
		}
		return d.Outcome
	}
	is := outcome(func(*event.Decision) {})
	for name, change := range map[string]func(*event.Decision){
		"where it is kept": func(d *event.Decision) { d.Digest = digestOf([]byte("x")) },
		"what was judged":  func(d *event.Decision) { d.Input, d.InputWithheld = digestOf([]byte("x")), "why" },
		"when it ends":     func(d *event.Decision) { d.Expires = time.Unix(1, 0) },
	} {
		if got := outcome(change); got != is {
			t.Errorf("%s changes it", name)
		}
	}
	for name, change := range map[string]func(*event.Decision){
		"verdict": func(d *event.Decision) { d.Verdict = "allow" },
		"plan":    func(d *event.Decision) { d.PlanDigest = digestOf([]byte("x")) },
		"policy":  func(d *event.Decision) { d.Policies = []string{"policy.opa/y"} },
		"rules":   func(d *event.Decision) { d.Rules = nil },
		"finding": func(d *event.Decision) { d.Violations[0].Subject = "x" },
		"waived":  func(d *event.Decision) { d.Waived = []event.Violation{{Rule: "b"}} },
		"error":   func(d *event.Decision) { d.Error = "x" },
	} {
		if got := outcome(change); got == is || got == "" {
			t.Errorf("%s does not change it", name)
		}
	}
}
