package engine_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/preview"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// foresight adds to the scripted evaluator what it says before the run: outputs
// that are not there are unknown, and marked with where they come from.
type foresight struct {
	*fakeEvaluator
	whenIs map[string]cty.Value
	// secret are the stages whose token is a secret.
	secret map[string]bool

	mu       sync.Mutex
	resolved []string // stages whose secrets were asked for
}

func (f *foresight) Foresee(s *pipeline.Stage, outputs map[string]cty.Value) (out pipeline.Foreseen, unmet, diags diag.List) {
	all := make(map[string]cty.Value)
	for _, need := range s.Needs {
		all[need] = cty.ObjectVal(map[string]cty.Value{
			"word": cty.UnknownVal(cty.String), "key": cty.UnknownVal(cty.String).Mark(dynamic.Sensitive),
		}).Mark(pipeline.Origin(need))
	}
	for name, v := range outputs {
		all[name] = v
	}
	out = pipeline.Foreseen{When: f.whenIs[s.Name], WhenText: "var.nightly"}
	if why, ok := f.when[s.Name]; ok {
		out.When, out.WhenText = cty.False, why
	}
	if f.environment != "" {
		out.Environment = cty.StringVal(f.environment)
	}
	with, diags := f.fakeEvaluator.With(s, all)
	if f.secret[s.Name] {
		with = config(with.GetAttr("value"), cty.UnknownVal(cty.String).Mark(dynamic.Sensitive))
	}
	out.With = with
	unmet, more := f.Precondition(s, all)
	return out, unmet, append(diags, more...)
}

func (f *foresight) With(s *pipeline.Stage, outputs map[string]cty.Value) (cty.Value, diag.List) {
	with, diags := f.fakeEvaluator.With(s, outputs)
	if f.secret[s.Name] {
		f.mu.Lock()
		f.resolved = append(f.resolved, s.Name)
		f.mu.Unlock()
		with = config(with.GetAttr("value"), cty.StringVal("a-secret-value").Mark(dynamic.Sensitive))
	}
	return with, diags
}

// fakePolicy keeps what it was asked.
type fakePolicy struct {
	answer func(engine.ForecastRequest) *preview.Decision

	mu   sync.Mutex
	asks map[string]engine.ForecastRequest // by deployer stage, or empty
}

func (f *fakePolicy) Forecast(_ context.Context, req engine.ForecastRequest) (*preview.Decision, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.asks == nil {
		f.asks = make(map[string]engine.ForecastRequest)
	}
	name := ""
	if req.Stage != nil {
		name = req.Stage.Name
	}
	f.asks[name] = req
	if f.answer != nil {
		return f.answer(req), nil
	}
	return &preview.Decision{Verdict: preview.Allow}, nil
}

// outlook is a world and what is needed to look ahead in it.
type outlook struct {
	*world
	eval    *foresight
	policy  *fakePolicy
	options engine.PreviewOptions
}

func newOutlook(t testing.TB) *outlook {
	t.Helper()
	w := newWorld(t)
	o := &outlook{world: w, eval: &foresight{fakeEvaluator: w.eval, secret: make(map[string]bool), whenIs: make(map[string]cty.Value)}, policy: &fakePolicy{}}
	w.eval.with, w.eval.when = make(map[string]withFunc), make(map[string]string)
	o.options = engine.PreviewOptions{
		Plugins: w.plugins, Evaluator: o.eval, Redactor: w.options.Redactor, Policy: o.policy,
		Repository: "https://git.example/digits", Scratch: t.TempDir(), Parallelism: 4,
	}
	return o
}

func (o *outlook) preview() *preview.Preview {
	o.t.Helper()
	p, err := engine.Preview(o.t.Context(), &pipeline.Pipeline{
		Name: "digits", Root: "/tree", Digest: "sha256:" + strings.Repeat("0", 64), Stages: o.stages,
	}, event.Run{Commit: "c0ffee", Clean: true}, o.options)
	if err != nil {
		o.t.Fatal(err)
	}
	return p
}

func (o *outlook) of(p *preview.Preview, name string) *preview.Stage {
	o.t.Helper()
	i := slices.IndexFunc(p.Stages, func(s *preview.Stage) bool { return s.Name == name })
	if i < 0 {
		o.t.Fatalf("no stage %s in the preview", name)
	}
	return p.Stages[i]
}

func TestPreviewSaysWhatRunsAndWhy(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	o.stage("train", "builder")
	o.stage("nightly", "tester", "train")
	o.eval.whenIs["nightly"] = cty.False
	o.stage("uses_nightly", "tester", "nightly")
	o.eval.with["uses_nightly"] = using("nightly", "word")
	o.stage("after_nightly", "tester", "nightly")
	o.stage("judged", "tester", "train")
	o.eval.whenIs["judged"] = cty.UnknownVal(cty.Bool).Mark(pipeline.Origin("train"))
	o.stage("uses_judged", "tester", "judged")
	o.eval.with["uses_judged"] = using("judged", "word")
	o.stage("always", "tester", "train").Run = pipeline.Always
	o.stage("diagnose", "tester", "train").Run = pipeline.OnFailure
	o.stage("bored", "tester", "nightly").Run = pipeline.OnFailure
	o.stage("notify", "tester", "train").Run = pipeline.OnChanged
	o.stage("wanted", "tester")
	o.eval.whenIs["wanted"] = cty.True
	p := o.preview()
	got := make(map[string]string)
	for _, s := range p.Stages {
		got[s.Name] = string(s.Action) + ": " + s.Reason
	}
	want := map[string]string{
		"train":         "run: nothing keeps it waiting",
		"nightly":       "skip: when = var.nightly is false",
		"uses_nightly":  "skip: it uses outputs of stage.nightly, which is skipped",
		"after_nightly": "run: nothing keeps it waiting",
		"judged":        "unknown: after stage.train; when = var.nightly depends on stage.train",
		"uses_judged":   "unknown: after stage.judged; it uses outputs of stage.judged, of which it is not known whether it runs",
		"always":        "run: it runs whatever becomes of what it needs",
		"diagnose":      "unknown: it runs when something that it needs has failed",
		"bored":         "skip: nothing that it needs can fail",
		"notify":        "unknown: it runs when what it needs comes to another end than in the last run",
		"wanted":        "run: nothing keeps it waiting; when = var.nightly is true",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	if s := p.Summary; s.Run != 4 || s.Skip != 3 || s.Unknown != 4 || s.Cached != 0 || s.Failing != 0 {
		t.Errorf("summary = %+v", s)
	}
}

func TestPreviewShowsUnknownAsUnknown(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	o.stage("train", "builder")
	s := o.stage("test", "tester", "train")
	s.Secrets = []string{"token"}
	o.eval.with["test"] = using("train", "word")
	o.eval.secret["test"] = true
	o.stage("hidden", "tester", "train")
	o.eval.with["hidden"] = using("train", "key")
	o.stage("late", "tester")
	o.eval.with["late"] = func(map[string]cty.Value) (cty.Value, diag.List) {
		return config(cty.UnknownVal(cty.String), cty.NullVal(cty.String)), nil
	}
	p := o.preview()
	want := map[string][]preview.Argument{
		"test":   {{Path: "value", KnownAfter: []string{"stage.train"}}, {Path: "token", Sensitive: true}},
		"hidden": {{Path: "value", Sensitive: true, KnownAfter: []string{"stage.train"}}},
		"late":   {{Path: "value", KnownAfter: []string{preview.AfterRun}}},
	}
	for name, args := range want {
		if diff := cmp.Diff(args, o.of(p, name).Arguments); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if len(o.eval.resolved) > 0 {
		t.Errorf("secrets of %v were resolved; builders and testers need none", o.eval.resolved)
	}
}

// TestPreviewHasNoSideEffects is the promise of the command: nothing is executed,
// and what is asked cannot be applied.
func TestPreviewHasNoSideEffects(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	o.stage("train", "builder")
	o.stage("check", "policy")
	s := o.stage("serve", "deployer", "check", "train")
	s.Secrets = []string{"token"}
	o.eval.secret["serve"] = true
	o.eval.environment = "production"
	o.plugins.plan = func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
		return planned("objects", &pluginv1.Change{Action: pluginv1.ChangeAction_CHANGE_ACTION_UPDATE, Object: "Deployment/digits", Diff: "token: a-secret-value"}), nil
	}
	p := o.preview()
	if len(o.plugins.executed) > 0 {
		t.Errorf("executed %v", o.plugins.executed)
	}
	if len(o.plugins.planned) != 1 {
		t.Fatalf("planned %d times", len(o.plugins.planned))
	}
	if a := o.plugins.planned[0].GetAttempt(); a.GetIdempotencyKey() != "" || a.GetRun() != "preview" || a.GetEnvironment() != "production" {
		t.Errorf("the attempt could be applied: %v", a)
	}
	serve := o.of(p, "serve")
	want := &preview.Deployment{State: preview.Planned, Plan: &event.Plan{
		Digest: digestOf([]byte("objects")), Environment: "production", Notes: []string{"there is room\uFFFD"},
		Changes: []event.Change{{Action: "update", Object: "Deployment/digits", Diff: "token: ***"}},
	}}
	if diff := cmp.Diff(want, serve.Deployment); diff != "" {
		t.Errorf("deployment (-want +got):\n%s", diff)
	}
	ask := o.policy.asks["serve"]
	if ask.Plan.GetDigest() != want.Plan.Digest || ask.Attempt.GetIdempotencyKey() != "" || len(ask.Policies) != 1 || ask.Policies[0].Stage != "check" {
		t.Errorf("policy was asked %+v", ask)
	}
	if diff := cmp.Diff([]preview.Awaited{{Fact: preview.FactArtifacts, From: []string{"stage.train"}}}, ask.Awaited); diff != "" {
		t.Errorf("awaited (-want +got):\n%s", diff)
	}
	if len(o.blobs.kept) > 0 || len(o.journal.all()) > 0 {
		t.Error("something was kept")
	}
}

func TestPreviewPlansOnlyWhatIsKnown(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	o.stage("train", "builder")
	o.stage("test", "tester", "train")
	o.stage("rules", "policy", "train")
	o.eval.with["rules"] = using("train", "word")
	o.stage("maybe", "policy").Run = pipeline.OnChanged
	o.stage("serve", "deployer", "train", "rules", "maybe")
	o.eval.with["serve"] = using("train", "word")
	o.stage("smoke", "tester", "serve")
	p := o.preview()
	if diff := cmp.Diff(&preview.Deployment{State: preview.Later, Awaits: []string{"stage.train"}}, o.of(p, "serve").Deployment); diff != "" {
		t.Errorf("deployment (-want +got):\n%s", diff)
	}
	if len(o.plugins.planned) > 0 {
		t.Error("the deployer was asked for a plan of something unknown")
	}
	want := []preview.Awaited{
		{Fact: preview.FactPlan, From: []string{"stage.serve"}},
		{Fact: preview.FactArtifacts, From: []string{"stage.train"}},
		{Fact: preview.FactEvals, From: []string{"stage.test"}}, // and not of what comes later
		{Fact: preview.FactRules, From: []string{"stage.rules"}},
		{Fact: preview.FactRules, From: []string{"stage.maybe"}},
	}
	if diff := cmp.Diff(want, o.policy.asks["serve"].Awaited); diff != "" {
		t.Errorf("awaited (-want +got):\n%s", diff)
	}
}

func TestPreviewOffline(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	o.stage("serve", "deployer")
	o.options.Offline = true
	p := o.preview()
	if got := o.of(p, "serve").Deployment; got.State != preview.NotAsked || len(o.plugins.planned) > 0 {
		t.Errorf("deployment = %+v, %d plans", got, len(o.plugins.planned))
	}
	if awaited := o.policy.asks["serve"].Awaited; len(awaited) != 1 || awaited[0].Fact != preview.FactPlan {
		t.Errorf("awaited %+v", awaited)
	}
}

func TestPreviewOfAPolicyStageWithoutADeployer(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	o.stage("train", "builder")
	o.stage("check", "policy", "train")
	p := o.preview()
	ask := o.policy.asks[""]
	if o.of(p, "check").Decision == nil || len(ask.Policies) != 1 || len(ask.Awaited) != 1 || ask.Awaited[0].Fact != preview.FactArtifacts {
		t.Errorf("check = %+v, asked %+v", o.of(p, "check"), ask)
	}
}

// TestPreviewGoesOnWhenADeployerCannotPlan: the rest of the plan is there.
func TestPreviewGoesOnWhenADeployerCannotPlan(t *testing.T) {
	t.Parallel()
	failure := &pluginv1.Failure{Summary: "the cluster does not answer", Class: "cluster_unreachable"}
	tests := map[string]struct {
		plan    func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error)
		summary string
		problem string
	}{
		"unreachable": {func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
			return &pluginv1.PlanResponse{Failure: failure}, nil
		}, "the cluster does not answer", ""},
		"crash": {func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
			return nil, &engine.PluginError{Plugin: "fake", Class: "plugin_crashed", Err: errors.New("exit status 2")}
		}, "plugin fake: exit status 2", ""},
		"refused": {func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
			return &pluginv1.PlanResponse{Diagnostics: []*pluginv1.Diagnostic{{Severity: pluginv1.Severity_SEVERITY_ERROR, Summary: "no such namespace"}}}, nil
		}, "no such namespace", "no such namespace"},
		"wrong digest": {func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
			p := planned("objects")
			p.Plan.Digest = digestOf([]byte("other"))
			return p, nil
		}, "plugin fake: the plan's digest is " + digestOf([]byte("other")) + ", but its content has " + digestOf([]byte("objects")), ""},
		"neither": {func(context.Context, *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
			return &pluginv1.PlanResponse{}, nil
		}, "plugin fake gave neither a plan nor a reason", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOutlook(t)
			o.stage("serve", "deployer")
			o.stage("other", "builder")
			o.plugins.plan = tt.plan
			p := o.preview()
			serve := o.of(p, "serve")
			if d := serve.Deployment; d.State != preview.Failed || d.Failure.Summary != tt.summary || d.Plan != nil {
				t.Errorf("deployment = %+v, failure %+v", d, d.Failure)
			}
			if tt.problem != "" && (len(serve.Problems) != 1 || serve.Problems[0].Summary != tt.problem) {
				t.Errorf("problems = %+v", serve.Problems)
			}
			if p.Summary.Failing != 1 || o.of(p, "other").Action != preview.Run {
				t.Errorf("summary = %+v", p.Summary)
			}
			if ask := o.policy.asks["serve"]; ask.Plan != nil || ask.Awaited[0].Fact != preview.FactPlan {
				t.Errorf("policy was asked %+v", ask)
			}
		})
	}
}

func TestPreviewOfAStageThatWillFail(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	o.stage("broken", "builder")
	o.eval.with["broken"] = func(map[string]cty.Value) (cty.Value, diag.List) {
		return cty.DynamicVal, diag.List{{Severity: diag.Error, Summary: "no such file"}}
	}
	o.stage("then", "tester", "broken")
	o.stage("diagnose", "tester", "broken").Run = pipeline.OnFailure
	p := o.preview()
	if s := o.of(p, "broken"); !s.Failing() || s.Problems[0].Summary != "no such file" {
		t.Errorf("broken = %+v", s)
	}
	if s := o.of(p, "then"); s.Action != preview.Skip || s.Reason != "stage.broken could not be run" {
		t.Errorf("then = %+v", s)
	}
	if s := o.of(p, "diagnose"); s.Action != preview.Run {
		t.Errorf("diagnose = %+v", s)
	}
}

func TestPreviewOfAnUnmetPrecondition(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	o.stage("build", "builder")
	o.stage("then", "tester", "build")
	o.stage("unwanted", "builder")
	o.eval.whenIs["unwanted"] = cty.False
	o.eval.precondition = map[string]diag.List{"build": not("Only on main."), "unwanted": not("It never comes to that.")}
	p := o.preview()
	build := o.of(p, "build")
	if !build.Failing() || build.Problems[0].Detail != "Only on main." || build.Reason != "nothing keeps it waiting; a precondition does not hold" {
		t.Errorf("build = %+v", build)
	}
	if s := o.of(p, "then"); s.Action != preview.Skip || s.Reason != "stage.build failed" {
		t.Errorf("then = %+v", s)
	}
	if s := o.of(p, "unwanted"); s.Failing() {
		t.Errorf("unwanted = %+v", s)
	}
}

func TestPreviewSaysWhatTheRunnerKeepsTo(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	s := o.stage("serve", "deployer")
	s.Timeout, s.Retry = 60e9, pipeline.Retry{Attempts: 3, Backoff: 5e9}
	s.Concurrency = pipeline.Concurrency{Group: "prod", CancelOlder: true}
	s.Approval = &pipeline.Approval{Required: 2, Approvers: []string{"alice", "bob"}, Expires: 3600e9}
	want := preview.Limits{
		Timeout: 60, Retry: &preview.Retry{Attempts: 3, Backoff: 5},
		Concurrency: &preview.Concurrency{Group: "prod", Mode: "cancel_older"},
		Approval:    &preview.Approval{Required: 2, Approvers: []string{"alice", "bob"}, Expires: 3600},
	}
	if diff := cmp.Diff(want, o.of(o.preview(), "serve").Limits); diff != "" {
		t.Errorf("limits (-want +got):\n%s", diff)
	}
}

func TestPreviewOfStagesThatWaitForEachOther(t *testing.T) {
	t.Parallel()
	o := newOutlook(t)
	o.stage("a", "builder", "b")
	o.stage("b", "builder", "a")
	_, err := engine.Preview(t.Context(), &pipeline.Pipeline{Stages: o.stages}, event.Run{}, o.options)
	if _, ok := errors.AsType[*engine.InvalidError](err); !ok {
		t.Errorf("err = %v", err)
	}
}

// BenchmarkPreview shows what a stage costs, however many there are.
func BenchmarkPreview(b *testing.B) {
	for _, n := range []int{100, 1000, 10_000} {
		b.Run(fmt.Sprintf("stages=%d", n), func(b *testing.B) {
			o := newOutlook(b)
			for i := range n {
				name := fmt.Sprint("s", i)
				if i%10 == 0 {
					o.stage(name, "builder")
					continue
				}
				before := fmt.Sprint("s", i-1)
				o.stage(name, "tester", before)
				o.eval.with[name] = using(before, "word")
			}
			b.ReportAllocs()
			for b.Loop() {
				o.preview()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/stage")
		})
	}
}
