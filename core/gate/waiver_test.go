package gate

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// waived is a waiver that counts for request.
func waived(rule string) Waiver {
	return Waiver{
		Rule: rule, Digest: digestOf([]byte("plan")), Approver: "grace@example.com",
		Reason: "the fix is on its way", Expires: testNow.Add(24 * time.Hour),
	}
}

// judged is what a gate with waivers decides where policies find violations.
func judged(t *testing.T, req engine.DecisionRequest, waivers []Waiver, change func(*Options), found ...*pluginv1.Violation) *event.Decision {
	t.Helper()
	plugins := &fakePlugins{answer: func(context.Context, pipeline.ComponentRef, *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
		resp := denying("")
		resp.Violations = found
		return resp, nil
	}}
	g, _ := newGate(t, plugins, func(o *Options) {
		o.Waivers = waivers
		if change != nil {
			change(o)
		}
	})
	got, err := g.Decide(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if (got.Event.Verdict == allow) != (len(got.Envelope) > 0) {
		t.Errorf("verdict %s, and an envelope of %d bytes", got.Event.Verdict, len(got.Envelope))
	}
	return &got.Event
}

// A waived violation is shown as one, with who answers for it, why and how long.
func TestWaiver(t *testing.T) {
	t.Parallel()
	got := judged(t, request(), []Waiver{waived("a")}, nil, &pluginv1.Violation{Rule: "a", Message: "no", Subject: "Deployment digits"})
	if got.Verdict != allow || len(got.Violations) != 0 || len(got.Waived) != 1 {
		t.Fatalf("decision: %+v", got)
	}
	if want := "grace@example.com until 2026-03-02T12:00:00Z: the fix is on its way"; got.Waived[0].Waiver != want || got.Waived[0].Subject != "Deployment digits" {
		t.Errorf("waived: %+v", got.Waived[0])
	}
}

// A waiver is for one rule and one thing; whatever else is violated still denies.
func TestWaiverCoversNothingElse(t *testing.T) {
	t.Parallel()
	got := judged(t, request(), []Waiver{waived("a")}, nil, &pluginv1.Violation{Rule: "a", Message: "no"}, &pluginv1.Violation{Rule: "b", Message: "neither"})
	if got.Verdict == allow || len(got.Violations) != 1 || got.Violations[0].Rule != "b" || len(got.Waived) != 1 {
		t.Errorf("decision: %+v", got)
	}
}

func TestWaiverOfAnArtifact(t *testing.T) {
	t.Parallel()
	req := request()
	req.Evidence.Artifacts = []event.Artifact{{Name: "model", Digest: modelDigest}, {Name: "other", Digest: digestOf([]byte("other"))}}
	w := waived("a")
	w.Digest = modelDigest
	for subject, counts := range map[string]bool{"model": true, modelDigest: true, "other": false, "Deployment digits": false, "": false} {
		got := judged(t, req, []Waiver{w}, nil, &pluginv1.Violation{Rule: "a", Message: "no", Subject: subject})
		if (got.Verdict == allow) != counts {
			t.Errorf("a violation on %q: %+v", subject, got)
		}
		if !counts && (len(got.Refused) != 1 || !strings.Contains(got.Refused[0], "the violation is about "+subject)) {
			t.Errorf("a violation on %q: refused %q", subject, got.Refused)
		}
	}
}

// A waiver that does not count allows nothing, and the decision says why.
func TestWaiversThatDoNotCount(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		change  func(*Waiver)
		options func(*Options)
		want    string
	}{
		"expired":               {change: func(w *Waiver) { w.Expires = testNow }, want: "it expired at 2026-03-01T12:00:00Z"},
		"too long":              {change: func(w *Waiver) { w.Expires = testNow.Add(MaxWaiver + time.Second) }, want: "longer than 90 days"},
		"without an end":        {change: func(w *Waiver) { w.Expires = time.Time{} }, want: "it does not expire"},
		"of another plan":       {change: func(w *Waiver) { w.Digest = digestOf([]byte("before")) }, want: "which is neither the plan nor an artifact of this run"},
		"of everything":         {change: func(w *Waiver) { w.Digest = "*" }, want: "not for one plan or artifact"},
		"by who asks":           {change: func(w *Waiver) { w.Approver = "ada" }, want: "ada started the run, and may not waive its violations"},
		"by who asks, in full":  {change: func(w *Waiver) { w.Approver = "Ada@example.com" }, want: "may not waive its violations"},
		"by who asks elsewhere": {change: func(w *Waiver) { w.Approver = "countess@example.com" }, options: func(o *Options) { o.Approvals.Principals = map[string]string{"ada": "countess@example.com"} }, want: "may not waive"},
		"nobody knows who asks": {options: func(o *Options) { o.Actor = "" }, want: "it is not known who started the run"},
		"nobody answers":        {change: func(w *Waiver) { w.Approver = " " }, want: "nobody answers for it"},
		"no reason":             {change: func(w *Waiver) { w.Reason = "" }, want: "it gives no reason"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := waived("a")
			if tt.change != nil {
				tt.change(&w)
			}
			got := judged(t, request(), []Waiver{w}, tt.options, &pluginv1.Violation{Rule: "a", Message: "no"})
			if got.Verdict == allow || len(got.Violations) != 1 || len(got.Waived) != 0 {
				t.Errorf("decision: %+v", got)
			}
			if len(got.Refused) != 1 || !strings.Contains(got.Refused[0], tt.want) {
				t.Errorf("refused = %q, want %q", got.Refused, tt.want)
			}
		})
	}
}

// No waiver makes up for a policy that was not evaluated as a whole.
func TestNoWaiverForAnError(t *testing.T) {
	t.Parallel()
	plugins := &fakePlugins{answer: func(context.Context, pipeline.ComponentRef, *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
		resp := denying("a")
		resp.Rules = nil
		return resp, nil
	}}
	g, _ := newGate(t, plugins, func(o *Options) { o.Waivers = []Waiver{waived("a")} })
	got, err := g.Decide(t.Context(), request())
	if err != nil {
		t.Fatal(err)
	}
	if got.Event.Verdict == allow || len(got.Envelope) > 0 {
		t.Errorf("decision: %+v", got.Event)
	}
}
