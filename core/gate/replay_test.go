package gate

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// answering is a gate whose policy finds what it is told to.
func answering(t *testing.T, waivers []Waiver, found ...*pluginv1.Violation) (*Gate, Options, *fakePlugins) {
	t.Helper()
	plugins := &fakePlugins{answer: func(context.Context, pipeline.ComponentRef, *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
		resp := passing()
		if len(found) > 0 {
			resp = denying("")
			resp.Violations = found
		}
		resp.Warnings = []*pluginv1.Violation{{Rule: "b", Message: strings.Repeat("long ", 2000)}}
		return resp, nil
	}}
	g, opts := newGate(t, plugins, func(o *Options) { o.Waivers = waivers })
	return g, opts, plugins
}

// recorded is a decision as a run keeps it.
func recordedDecision(t *testing.T, g *Gate, req engine.DecisionRequest) (*engine.Decision, event.Decision) {
	t.Helper()
	d, err := g.Decide(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	kept := d.Event
	kept.Input = digestOf(d.Input)
	engine.Settle(&kept, asItIs)
	return d, kept
}

// A decision is made again from its document alone: with another clock, another
// account, and without the waivers of the configuration.
func TestReplayIsTheSameDecision(t *testing.T) {
	t.Parallel()
	expired := waived("a")
	expired.Expires = testNow
	violation := &pluginv1.Violation{Rule: "a", Message: "no", Subject: "Deployment/digits", Facts: []string{"workload.objects"}}
	artifacts := request()
	artifacts.Stage, artifacts.Plan, artifacts.Facts = nil, nil, nil
	for name, test := range map[string]struct {
		req     engine.DecisionRequest
		waivers []Waiver
		found   []*pluginv1.Violation
		verdict string
	}{
		"allow":          {request(), nil, nil, allow},
		"deny":           {request(), nil, []*pluginv1.Violation{violation}, deny},
		"waived":         {request(), []Waiver{waived("a")}, []*pluginv1.Violation{violation}, allow},
		"waiver refused": {request(), []Waiver{expired}, []*pluginv1.Violation{violation}, deny},
		"artifacts":      {artifacts, nil, nil, allow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, _, first := answering(t, test.waivers, test.found...)
			made, kept := recordedDecision(t, g, test.req)
			if kept.Verdict != test.verdict || kept.Outcome == "" {
				t.Fatalf("decision: %+v", kept)
			}
			again, opts, second := answering(t, nil, test.found...)
			again.opts.Actor, again.opts.Now = "root", func() time.Time { return testNow.Add(1000 * time.Hour) }
			got, err := again.Replay(t.Context(), made.Input)
			if err != nil {
				t.Fatal(err)
			}
			kept.Digest, kept.Expires = "", time.Time{}
			if diff := cmp.Diff(kept, *got); diff != "" {
				t.Errorf("the decision is another one (-kept +again):\n%s", diff)
			}
			if string(first.calls[0].GetInput()) != string(second.calls[0].GetInput()) {
				t.Error("the policy was asked about other bytes")
			}
			if _, err := os.Stat(opts.KeyFile); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a replay touched the key: %v", err)
			}
		})
	}
}

func TestReplayOfOtherRulesIsAnotherDecision(t *testing.T) {
	t.Parallel()
	g, _, _ := answering(t, nil)
	made, kept := recordedDecision(t, g, request())
	again, _, _ := answering(t, nil, &pluginv1.Violation{Rule: "a", Message: "no"})
	got, err := again.Replay(t.Context(), made.Input)
	if err != nil {
		t.Fatal(err)
	}
	if got.Verdict != deny || got.Outcome == kept.Outcome {
		t.Errorf("got %+v", got)
	}
}

func TestReplayOfWhatIsNoInput(t *testing.T) {
	t.Parallel()
	g, _, plugins := answering(t, nil)
	made, _ := recordedDecision(t, g, request())
	asked := len(plugins.calls)
	for name, input := range map[string]string{
		"nothing":      "",
		"no JSON":      "yes",
		"another form": `{"schema":"stagegate/policy-input/v1"}`,
		"a key twice":  strings.Replace(string(made.Input), `{`, `{"schema":"stagegate/policy-input/v1",`, 1),
		"another key":  strings.Replace(string(made.Input), `"scope"`, `"Scope"`, 1),
		"more behind":  string(made.Input) + "{}",
		"too large":    string(made.Input) + strings.Repeat(" ", maxInput),
	} {
		if got, err := g.Replay(t.Context(), []byte(input)); !errors.Is(err, ErrInput) {
			t.Errorf("%s: got %+v and %v", name, got, err)
		}
	}
	if len(plugins.calls) != asked {
		t.Error("a policy was asked about what is no input")
	}
}
