package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// outputs encodes outputs of the fake components.
func outputs(word, key string) *pluginv1.DynamicValue {
	v := cty.ObjectVal(map[string]cty.Value{"word": cty.StringVal(word), "key": cty.StringVal(key)})
	dv, err := dynamic.Encode(v, v.Type())
	if err != nil {
		return nil
	}
	return dv
}

func TestRunHandsOutputsOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("build", "builder")
	w.stage("test", "tester", "build")
	w.eval.with = map[string]withFunc{"test": using("build", "word")}
	var got string
	w.plugins.execute = func(_ context.Context, call engine.Call, _ func(*pluginv1.Event) error) (*pluginv1.Result, error) {
		if call.Test != nil {
			v, err := dynamic.Decode(call.Test.GetConfig(), cty.Object(map[string]cty.Type{"value": cty.String, "token": cty.String}))
			if err != nil {
				return nil, err
			}
			got = v.GetAttr("value").AsString()
		}
		return succeeded("weights"), nil
	}
	out := w.mustRun()
	if out.Status != event.Succeeded || got != "weights" {
		t.Errorf("status = %s, the tester got %q", out.Status, got)
	}
	want := []event.Type{event.AttemptStarted, event.AttemptFinished, event.StageFinished}
	if diff := cmp.Diff(want, w.journal.types("build")); diff != "" {
		t.Errorf("journal of build (-want +got):\n%s", diff)
	}
	if w.plugins.validated != 1 {
		t.Errorf("validated %d times, want once: only the tester had unknowns", w.plugins.validated)
	}
}

func TestTrivialStageCostsTwoAppends(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for i := range 10 {
		w.stage(strings.Repeat("s", i+1), "builder")
	}
	w.mustRun()
	if want := 2 + 2*10; w.journal.appends != want {
		t.Errorf("%d appends for 10 stages, want %d", w.journal.appends, want)
	}
}

func TestDeployUnderPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.stage("build", "builder")
	w.stage("compliance", "policy")
	w.stage("serve", "deployer", "build", "compliance")
	out := w.mustRun()
	if out.Status != event.Succeeded {
		t.Fatalf("status = %s: %+v", out.Status, out.Stages)
	}
	if diff := cmp.Diff([]string{"serve"}, w.plugins.applied()); diff != "" {
		t.Error(diff)
	}
	call := w.plugins.executed[len(w.plugins.executed)-1]
	if call.Apply.GetPlan().GetDigest() != digestOf([]byte("objects")) || len(call.Apply.GetDecisions()) != 1 {
		t.Errorf("applied %v", call.Apply)
	}
	want := []event.Type{event.AttemptStarted, event.PlanMade, event.DecisionMade, event.ApplyStarted, event.AttemptFinished, event.StageFinished}
	got := w.journal.types("serve")
	if diff := cmp.Diff(append([]event.Type{event.PlanMade}, want...), got); diff != "" {
		t.Errorf("journal of serve (-want +got):\n%s", diff)
	}
}
