package engine_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
)

// fakeHistory has one earlier run, or none.
type fakeHistory struct {
	before map[string]event.Status
	err    error
}

func (f fakeHistory) Last(_ context.Context, of event.Run, stages []string) (*engine.LastRun, error) {
	if f.err != nil || f.before == nil {
		return nil, f.err
	}
	for _, s := range stages {
		if _, ok := f.before[s]; !ok || of.Pipeline != "digits" {
			return nil, nil
		}
	}
	return &engine.LastRun{ID: "20261122-080000-abcd", Outcomes: f.before}, nil
}

func TestStagesThatLookForChanges(t *testing.T) {
	t.Parallel()
	ok, failed, denied := event.Succeeded, event.Failed, event.Denied
	const last = "the last run, 20261122-080000-abcd"
	tests := []struct {
		name   string
		before map[string]event.Status
		fails  string
		want   map[string]string // why the three are skipped; empty when they run
	}{
		{"no run before, all well", nil, "", map[string]string{
			"changed": "", "fixed": "there is no earlier run to compare with", "regression": "nothing that it needs has failed",
		}},
		{"no run before, a failure", nil, "test", map[string]string{
			"changed": "", "fixed": "nothing is fixed: stage.test failed", "regression": "there is no earlier run to compare with",
		}},
		{"well, and well before", map[string]event.Status{"test": ok, "lint": ok}, "", map[string]string{
			"changed":    "nothing has changed since " + last + ": what it needs succeeded there too",
			"fixed":      "nothing was broken: what it needs succeeded in " + last + ", too",
			"regression": "nothing that it needs has failed",
		}},
		{"well, and failed before", map[string]event.Status{"test": failed, "lint": ok}, "", map[string]string{
			"changed": "", "fixed": "", "regression": "nothing that it needs has failed",
		}},
		{"failed, and well before", map[string]event.Status{"test": ok, "lint": ok}, "test", map[string]string{
			"changed": "", "fixed": "nothing is fixed: stage.test failed", "regression": "",
		}},
		{"failed for something before it, and well before", map[string]event.Status{"test": ok, "lint": ok}, "build", map[string]string{
			"changed": "", "fixed": "nothing is fixed: stage.build failed", "regression": "",
		}},
		{"failed, and failed before", map[string]event.Status{"test": failed, "lint": ok}, "build", map[string]string{
			"changed":    "nothing has changed since " + last + ": what it needs failed there too",
			"fixed":      "nothing is fixed: stage.build failed",
			"regression": "it is not new: what it needs failed in " + last + ", already",
		}},
		{"failed, and denied before", map[string]event.Status{"test": denied, "lint": ok}, "test", map[string]string{
			"changed": "", "fixed": "nothing is fixed: stage.test failed",
			"regression": "it is not new: what it needs was denied in " + last + ", already",
		}},
		{"a need is new", map[string]event.Status{"test": ok}, "test", map[string]string{
			"changed": "", "fixed": "nothing is fixed: stage.test failed", "regression": "there is no earlier run to compare with",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.options.History = fakeHistory{before: tt.before}
			w.stage("build", "builder")
			w.stage("test", "tester", "build")
			w.stage("lint", "tester")
			for name, mode := range map[string]pipeline.RunMode{
				"changed": pipeline.OnChanged, "fixed": pipeline.OnFixed, "regression": pipeline.OnRegression,
			} {
				w.stage(name, "builder", "test", "lint").Run = mode
			}
			w.plugins.execute = failing(tt.fails)
			out := w.mustRun()
			got := make(map[string]string)
			for name := range tt.want {
				s := stageOf(t, out, name)
				got[name] = s.Reason
				if (s.Status == event.Skipped) != (s.Reason != "") {
					t.Errorf("%s is %s", name, s.Status)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("skipped (-want +got):\n%s", diff)
			}
		})
	}
}

// TestRootsAreOnRecord is what later runs compare with.
func TestRootsAreOnRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("check", "policy")
	w.stage("serve", "deployer", "check")
	w.stage("smoke", "tester", "serve")
	w.gate.decide = func(req engine.DecisionRequest) (*engine.Decision, error) { return deny(req), nil }
	w.mustRun()
	for _, e := range w.journal.all() {
		if e.Type == event.StageSkipped && e.Because != event.Denied {
			t.Errorf("%s was skipped because something %q", e.Stage, e.Because)
		}
	}
}

func TestHistoryThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.options.History = fakeHistory{err: errors.New("disk on fire")}
	w.stage("test", "tester")
	w.stage("tell", "builder", "test").Run = pipeline.OnChanged
	out := w.mustRun()
	if statuses(out)["tell"] != event.Succeeded {
		t.Errorf("outcome = %+v", out)
	}
	if warned := w.view.of(event.StageDiagnostic); len(warned) != 1 || warned[0].Diagnostic.Detail != "disk on fire" {
		t.Errorf("warnings = %+v", warned)
	}
}
