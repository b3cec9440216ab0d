package engine_test

import (
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/zclconf/go-cty/cty"
)

func not(messages ...string) diag.List {
	var out diag.List
	for _, m := range messages {
		out.Append(nil, "Condition does not hold", m)
	}
	return out
}

func TestAnUnmetPreconditionFailsTheStageBeforeItStarts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("build", "builder")
	w.stage("after", "builder", "build")
	w.eval.precondition = map[string]diag.List{"build": not("Only on main.", "Never on Fridays.")}
	out := w.mustRun()
	failure := stageOf(t, out, "build").Failure
	if failure == nil || failure.Class != engine.ClassCondition || failure.Summary != "a precondition does not hold: Only on main. (and 1 more)" {
		t.Errorf("failure = %+v", failure)
	}
	if out.Status != event.Failed || len(w.plugins.executed) != 0 || statuses(out)["after"] != event.Skipped {
		t.Errorf("outcome = %+v after %d executions", out, len(w.plugins.executed))
	}
}

func TestAnUnmetPostconditionTakesTheOutputsAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("build", "builder")
	w.stage("after", "builder", "build")
	w.eval.postcondition = func(s *pipeline.Stage, self cty.Value) (unmet, diags diag.List) {
		if s.Name == "build" {
			return not("It made " + self.GetAttr("word").AsString() + "."), nil
		}
		return nil, nil
	}
	out := w.mustRun()
	failure := stageOf(t, out, "build").Failure
	if failure == nil || !strings.HasPrefix(failure.Summary, "a postcondition does not hold: It made ") || failure.Transient {
		t.Errorf("failure = %+v", failure)
	}
	end := w.journal.last(t, event.RunFinished)
	if out.Status != event.Failed || statuses(out)["after"] != event.Skipped || end.Finish.Status != event.Failed {
		t.Errorf("outcome = %+v", out)
	}
	for _, e := range w.journal.all() {
		if e.Type == event.StageFinished && e.Stage == "build" && len(e.Finish.Outputs) > 0 {
			t.Errorf("the outputs of a stage that failed are kept: %s", e.Finish.Outputs)
		}
	}
}

func TestAConditionThatCannotBeJudgedIsAMistake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("build", "builder")
	w.eval.postcondition = func(*pipeline.Stage, cty.Value) (unmet, diags diag.List) { return nil, not("No such attribute.") }
	out := w.mustRun()
	if failure := stageOf(t, out, "build").Failure; statuses(out)["build"] != event.Errored || failure.Class != engine.ClassConfig {
		t.Errorf("%s: %+v", statuses(out)["build"], failure)
	}
}
