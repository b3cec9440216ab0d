package gate

import (
	"context"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Rules that were swapped between two decisions allow nothing, even where they
// would allow everything.
func TestSwappedRulesAllowNothing(t *testing.T) {
	t.Parallel()
	opa := pipeline.ComponentRef{Plugin: "policy", Name: "opa"}
	digest := map[bool]string{true: bundleDigest, false: bundleDigest} // by whether it is the operator's
	plugins := &fakePlugins{answer: func(_ context.Context, _ pipeline.ComponentRef, req *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
		resp := passing()
		resp.Bundles[0].Digest = digest[req.GetAttempt().GetWorkDir() == operatorDir]
		return resp, nil
	}}
	g, _ := newGate(t, plugins, nil)
	req := request()
	req.Policies = []engine.PolicyCall{{Stage: "house", Component: pipeline.ComponentRef{Plugin: "acme", Name: "policy"}}}
	decide := func() *engine.Decision {
		t.Helper()
		got, err := g.Decide(t.Context(), req)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := decide(); got.Event.Verdict != allow {
		t.Fatalf("at first: %+v", got.Event)
	}
	digest[false] = digestOf([]byte("the pipeline's own, later"))
	if got := decide(); got.Event.Verdict != allow {
		t.Errorf("with other rules of the pipeline: %+v", got.Event)
	}
	digest[true] = digestOf([]byte("swapped"))
	got := decide()
	for _, says := range []string{"the operator's policy " + opa.String(), "have changed during the run", bundleDigest, digest[true]} {
		if got.Event.Verdict != fault || !strings.Contains(got.Event.Error, says) || got.Envelope != nil {
			t.Errorf("with swapped rules: %+v; want an error with %q", got.Event, says)
		}
	}
	digest[true] = bundleDigest
	if got := decide(); got.Event.Verdict != allow {
		t.Errorf("put back: %+v", got.Event)
	}
}
