package gate

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/preview"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// found is a policy with a violation that rests on facts.
func found(rule, subject string, facts ...string) *pluginv1.EvaluateResponse {
	resp := denying(rule)
	resp.Violations[0].Facts, resp.Violations[0].Subject = facts, subject
	return resp
}

func TestForecastTellsDeniedFromUnknown(t *testing.T) {
	t.Parallel()
	artifacts := preview.Awaited{Fact: preview.FactArtifacts, From: []string{"stage.train"}}
	evals := preview.Awaited{Fact: preview.FactEvals, From: []string{"stage.test"}}
	plan := preview.Awaited{Fact: preview.FactPlan, From: []string{"stage.serve"}}
	environment := preview.Awaited{Fact: preview.FactEnvironment, From: []string{"stage.x"}}
	rules := preview.Awaited{Fact: preview.FactRules, From: []string{"stage.check"}}
	tests := map[string]struct {
		answer  *pluginv1.EvaluateResponse
		err     error
		awaited []preview.Awaited
		verdict preview.Verdict
		awaits  []string // of the finding, when it is open
	}{
		"all is known and well":        {passing(), nil, nil, preview.Allow, nil},
		"well so far":                  {passing(), nil, []preview.Awaited{evals}, preview.Unknown, nil},
		"more rules to come":           {passing(), nil, []preview.Awaited{rules}, preview.Unknown, nil},
		"all is known and bad":         {found("a", "", "evals"), nil, nil, preview.Deny, nil},
		"bad, whatever is measured":    {found("a", "", "run.git.clean"), nil, []preview.Awaited{artifacts, evals, plan}, preview.Deny, nil},
		"bad, whatever rules come":     {found("a", ""), nil, []preview.Awaited{rules}, preview.Deny, nil},
		"not measured yet":             {found("a", "", "evals"), nil, []preview.Awaited{evals}, preview.Unknown, []string{preview.FactEvals}},
		"rests on a part":              {found("a", "", "artifacts.registry.tls"), nil, []preview.Awaited{artifacts}, preview.Unknown, []string{preview.FactArtifacts}},
		"no other fact's name":         {found("a", "", "artifactsx"), nil, []preview.Awaited{artifacts}, preview.Deny, nil},
		"as Rego writes it":            {found("a", "", "input.evals"), nil, []preview.Awaited{evals}, preview.Unknown, []string{preview.FactEvals}},
		"the deployer will say":        {found("a", "", "workload.objects"), nil, []preview.Awaited{plan}, preview.Unknown, []string{preview.FactPlan}},
		"a fact of its own":            {found("a", "", "facts.acme.rack"), nil, []preview.Awaited{plan}, preview.Unknown, []string{preview.FactPlan}},
		"who runs this is known":       {found("a", "", "access.actor"), nil, []preview.Awaited{plan}, preview.Deny, nil},
		"who deploys is not":           {found("a", "", "access.cluster_actor"), nil, []preview.Awaited{plan}, preview.Unknown, []string{preview.FactPlan}},
		"the subject is a fact":        {found("a", "workload.objects", "evals"), nil, []preview.Awaited{plan}, preview.Unknown, []string{preview.FactPlan}},
		"it does not say":              {found("a", ""), nil, []preview.Awaited{evals}, preview.Unknown, []string{preview.FactEvals}},
		"anything may depend on where": {found("a", "", "run.git.clean"), nil, []preview.Awaited{environment}, preview.Unknown, []string{preview.FactEnvironment}},
		"the policy breaks":            {nil, errors.New("no answer"), []preview.Awaited{evals}, preview.Fault, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plugins := &fakePlugins{answer: func(context.Context, pipeline.ComponentRef, *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
				return tt.answer, tt.err
			}}
			g, _ := newGate(t, plugins, nil)
			got, err := g.Forecast(t.Context(), engine.ForecastRequest{DecisionRequest: request(), Awaited: tt.awaited})
			if err != nil {
				t.Fatal(err)
			}
			if got.Verdict != tt.verdict || (got.Error != "") != (tt.verdict == preview.Fault) {
				t.Errorf("verdict = %s (%s), want %s", got.Verdict, got.Error, tt.verdict)
			}
			var open []string
			for _, o := range got.Open {
				open = append(open, o.Awaits...)
			}
			if diff := cmp.Diff(tt.awaits, open); diff != "" {
				t.Errorf("open (-want +got):\n%s", diff)
			}
			if (tt.verdict == preview.Deny) != (len(got.Violations) > 0) {
				t.Errorf("violations = %+v", got.Violations)
			}
		})
	}
}

// TestForecastSignsNothing: not even the key is made.
func TestForecastSignsNothing(t *testing.T) {
	t.Parallel()
	g, opts := newGate(t, &fakePlugins{}, nil)
	got, err := g.Forecast(t.Context(), engine.ForecastRequest{DecisionRequest: request()})
	if err != nil || got.Verdict != preview.Allow {
		t.Fatalf("forecast = %+v, %v", got, err)
	}
	if _, err := os.Stat(filepath.Dir(opts.KeyFile)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of the key was touched: %v", err)
	}
}

func TestForecastWithoutAPlan(t *testing.T) {
	t.Parallel()
	plugins := &fakePlugins{}
	g, _ := newGate(t, plugins, func(o *Options) {
		o.Declared = []Declaration{{Name: "registry.hosts", Value: json.RawMessage(`[{"host":"r.example","tls":"1.3","ca":"verified"}]`), By: "operator"}}
	})
	req := request()
	req.Plan, req.Facts = nil, nil
	got, err := g.Forecast(t.Context(), engine.ForecastRequest{DecisionRequest: req, Awaited: []preview.Awaited{{Fact: preview.FactPlan}}})
	if err != nil || got.Verdict != preview.Unknown {
		t.Fatalf("forecast = %+v, %v", got, err)
	}
	var in Input
	if err := json.Unmarshal(plugins.calls[0].GetInput(), &in); err != nil {
		t.Fatal(err)
	}
	if in.Workload.Objects.State != Unknown || in.Registry.Hosts.State != Declared || in.Target.Plan.Digest != "" || in.Run.Git.Clean.State != Verified {
		t.Errorf("input = %+v", in)
	}
	// The very same request is nothing that can be decided on.
	d, err := g.Decide(t.Context(), req)
	if err != nil || d.Event.Verdict != fault || len(d.Envelope) > 0 {
		t.Errorf("decision = %+v, %v", d, err)
	}
}

func TestForecastLeavesOutWarningsAboutWhatIsAwaited(t *testing.T) {
	t.Parallel()
	plugins := &fakePlugins{answer: func(context.Context, pipeline.ComponentRef, *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
		resp := passing()
		resp.Warnings = []*pluginv1.Violation{{Rule: "a", Message: "m", Facts: []string{"workload.objects"}}, {Rule: "b", Message: "m"}}
		return resp, nil
	}}
	g, _ := newGate(t, plugins, nil)
	got, err := g.Forecast(t.Context(), engine.ForecastRequest{DecisionRequest: request(), Awaited: []preview.Awaited{{Fact: preview.FactPlan}}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]event.Violation{{Rule: "b", Message: "m"}}, got.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
}
