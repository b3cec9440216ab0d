package engine_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

type executeFunc = func(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error)

// failing makes some stages fail.
func failing(names ...string) executeFunc {
	return func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		for _, name := range names {
			if stageName(call) == name {
				return ended(pluginv1.Outcome_OUTCOME_FAILED, "exit code 1", false), nil
			}
		}
		return succeeded("ok"), nil
	}
}

// skips are the reasons for which stages were skipped.
func skips(out engine.Outcome) map[string]string {
	m := make(map[string]string)
	for _, s := range out.Stages {
		if s.Status == event.Skipped {
			m[s.Name] = s.Reason
		}
	}
	return m
}

func TestFailureSkipsDependentsAndNamesItsRoot(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("build", "builder")
	w.stage("test", "tester", "build")
	w.stage("serve", "deployer", "test")
	w.stage("docs", "builder")
	w.plugins.execute = failing("build")
	out := w.mustRun()
	want := map[string]string{"test": "stage.build failed", "serve": "stage.build failed"}
	if diff := cmp.Diff(want, skips(out)); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if out.Status != event.Failed || statuses(out)["docs"] != event.Succeeded {
		t.Errorf("outcome = %+v", out)
	}
	end := w.journal.last(t, event.RunFinished).Finish
	if end.Failure == nil || end.Failure.Summary != "stage.build: exit code 1" {
		t.Errorf("the end says %+v", end.Failure)
	}
}

func TestWhenFalseSkipsAndKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("scan", "tester")
	w.stage("order", "builder", "scan")
	w.stage("data", "builder", "scan")
	w.stage("after", "builder", "data")
	w.eval.when = map[string]string{"scan": "var.scan is false"}
	w.eval.with = map[string]withFunc{"data": using("scan", "word")}
	out := w.mustRun()
	want := map[string]string{"scan": "var.scan is false", "data": "it uses outputs of stage.scan, which was skipped"}
	if diff := cmp.Diff(want, skips(out)); diff != "" {
		t.Errorf("skipped (-want +got):\n%s", diff)
	}
	if out.Status != event.Succeeded || len(w.plugins.executed) != 2 {
		t.Errorf("status %s after %d executions", out.Status, len(w.plugins.executed))
	}
}

func TestRunModes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		fails []string
		want  map[string]event.Status
		end   event.Status
	}{
		{"all is well", nil, map[string]event.Status{
			"build": event.Succeeded, "test": event.Succeeded, "alert": event.Skipped, "report": event.Succeeded,
		}, event.Succeeded},
		{"a need fails", []string{"test"}, map[string]event.Status{
			"build": event.Succeeded, "test": event.Failed, "alert": event.Succeeded, "report": event.Succeeded,
		}, event.Failed},
		{"what a need needs fails", []string{"build"}, map[string]event.Status{
			"build": event.Failed, "test": event.Skipped, "alert": event.Succeeded, "report": event.Succeeded,
		}, event.Failed},
		{"the report fails too", []string{"test", "report"}, map[string]event.Status{
			"build": event.Succeeded, "test": event.Failed, "alert": event.Succeeded, "report": event.Failed,
		}, event.Failed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.stage("build", "builder")
			w.stage("test", "tester", "build")
			w.stage("alert", "builder", "test").Run = pipeline.OnFailure
			w.stage("report", "builder", "test").Run = pipeline.Always
			w.plugins.execute = failing(tt.fails...)
			out := w.mustRun()
			if diff := cmp.Diff(tt.want, statuses(out)); diff != "" {
				t.Errorf("statuses (-want +got):\n%s", diff)
			}
			if out.Status != tt.end {
				t.Errorf("status = %s, want %s", out.Status, tt.end)
			}
		})
	}
}

func TestConfigurationThatIsWrong(t *testing.T) {
	t.Parallel()
	bad := diag.List{{Severity: diag.Error, Summary: "no such key", Detail: "Use another."}}
	tests := []struct {
		name   string
		script func(*world)
		class  string
	}{
		{"when", func(w *world) { w.eval.whenDiags = map[string]diag.List{"test": bad} }, engine.ClassConfig},
		{"with", func(w *world) {
			w.eval.with = map[string]withFunc{"test": func(map[string]cty.Value) (cty.Value, diag.List) { return cty.NilVal, bad }}
		}, engine.ClassConfig},
		{"the plugin says so when values are known", func(w *world) {
			w.eval.with = map[string]withFunc{"test": using("build", "word")}
			w.plugins.validate = func(*pluginv1.ValidateRequest) (*pluginv1.ValidateResponse, error) {
				return &pluginv1.ValidateResponse{Diagnostics: []*pluginv1.Diagnostic{{Summary: "no such key", Severity: pluginv1.Severity_SEVERITY_ERROR}}}, nil
			}
		}, engine.ClassConfig},
		{"the plugin dies of it", func(w *world) {
			w.eval.with = map[string]withFunc{"test": using("build", "word")}
			w.plugins.validate = func(*pluginv1.ValidateRequest) (*pluginv1.ValidateResponse, error) {
				return nil, &engine.PluginError{Plugin: "fake", Class: "plugin_crashed", Err: errors.New("exit status 2"), LastWords: "panic"}
			}
		}, "plugin_crashed"},
		{"a value that nobody produces", func(w *world) {
			w.eval.with = map[string]withFunc{"test": using("nobody", "word")}
		}, engine.ClassUnknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.stage("build", "builder")
			w.stage("test", "tester", "build")
			tt.script(w)
			out := w.mustRun()
			s := stageOf(t, out, "test")
			if s.Status != event.Errored || s.Failure.Class != tt.class || out.Status != event.Errored {
				t.Errorf("stage = %+v, failure %+v", s, s.Failure)
			}
			if shown := w.view.of(event.StageDiagnostic); tt.class == engine.ClassConfig && (len(shown) != 1 || shown[0].Diagnostic.Summary != "no such key") {
				t.Errorf("shown: %+v", shown)
			}
			if tt.class == engine.ClassConfig && s.Failure.Summary != "no such key" {
				t.Errorf("summary = %q", s.Failure.Summary)
			}
		})
	}
}

func TestAllMistakesAreShownAndCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("test", "tester")
	w.eval.whenDiags = map[string]diag.List{"test": {
		{Severity: diag.Warning, Summary: "odd"}, {Severity: diag.Error, Summary: "one"}, {Severity: diag.Error, Summary: "two"},
	}}
	s := stageOf(t, w.mustRun(), "test")
	if s.Failure.Summary != "one (and 1 more)" || len(w.view.of(event.StageDiagnostic)) != 3 {
		t.Errorf("failure = %+v, shown %+v", s.Failure, w.view.of(event.StageDiagnostic))
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		build func(*world)
		want  []string // parts of summary and detail; none when it is fine
	}{
		{"fine", func(w *world) {
			w.stage("build", "builder")
			w.stage("check", "policy", "build")
			w.stage("serve", "deployer", "check", "build")
		}, nil},
		{"cycle", func(w *world) {
			w.stage("a", "builder", "b")
			w.stage("b", "builder", "a")
		}, []string{"stages wait for each other", "stage.a needs stage.b needs stage.a"}},
		{"twice", func(w *world) {
			w.stage("a", "builder")
			w.stage("a", "builder")
		}, []string{`stage "a" is defined twice`}},
		{"missing", func(w *world) { w.stage("a", "builder", "x") }, []string{`stage "a" needs "x", which is not there`}},
		{"policy before what it judges", func(w *world) {
			w.stage("check", "policy")
			w.stage("build", "builder", "check")
			w.stage("serve", "deployer", "check", "build")
		}, []string{`policy stage "check" would have to judge a plan before it can be made`, "stage.check needs stage.build needs stage.check"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			tt.build(w)
			diags := engine.Check(&pipeline.Pipeline{Stages: w.stages})
			if tt.want == nil {
				if len(diags) != 0 {
					t.Errorf("diagnostics = %+v", diags)
				}
				return
			}
			if len(diags) != 1 || diags[0].Subject == nil {
				t.Fatalf("diagnostics = %+v", diags)
			}
			for _, want := range tt.want {
				if !strings.Contains(diags[0].Summary+"\n"+diags[0].Detail, want) {
					t.Errorf("%q is not in %+v", want, diags[0])
				}
			}
			var invalid *engine.InvalidError
			if _, err := w.run(t.Context()); !errors.As(err, &invalid) || len(w.journal.all()) != 0 {
				t.Errorf("Run = %v after %d events", err, len(w.journal.all()))
			}
		})
	}
}

func TestPolicyRunsAfterWhatItsDeployerNeeds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Parallelism = 8
	w.stage("check", "policy")
	w.stage("build", "builder")
	w.stage("test", "tester", "build")
	w.stage("serve", "deployer", "check", "test")
	w.mustRun()
	order := make(map[string]int)
	for i, e := range w.journal.all() {
		if e.Type == event.StageFinished {
			order[e.Stage] = i
		}
	}
	if order["check"] < order["test"] {
		t.Errorf("the policy stage ended before what its deployer stage needs: %v", order)
	}
}

func TestNewNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.Gate = nil
	if _, err := engine.New(w.options); err == nil || !strings.Contains(err.Error(), "Gate") {
		t.Errorf("New = %v", err)
	}
}
