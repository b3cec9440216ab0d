package pluginhost

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/sdk/decision"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// applying is what a runner sends to a deployer, and what was decided before.
type applying struct {
	plan      *pluginv1.Plan
	attempt   *pluginv1.Attempt
	decision  decision.Decision
	key       ed25519.PrivateKey
	envelopes func(signed []byte) [][]byte
}

// TestDeployersApplyNothingElse sends a deployer's own process what a runner
// would, by somebody who holds even the runner's key: a decision is good for one
// plan, environment, run and stage, and for a while.
func TestDeployersApplyNothingElse(t *testing.T) {
	t.Parallel()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, other, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	o := options(t)
	o.TrustRoot = trustRoot(t, key)
	h := newHost(t, o)
	for name, tt := range map[string]struct {
		change func(*applying)
		says   string // nothing where it is applied
	}{
		"as it was decided":       {func(*applying) {}, ""},
		"another plan":            {func(a *applying) { a.decision.PlanDigest = "sha256:" + strings.Repeat("0", 64) }, decision.ErrPlanDigest.Error()},
		"plan swapped afterwards": {func(a *applying) { a.plan.Content = append(a.plan.Content, ' ') }, decision.ErrPlanTampered.Error()},
		"another environment":     {func(a *applying) { a.attempt.Environment = "production" }, decision.ErrEnvironment.Error()},
		"environment left out":    {func(a *applying) { a.attempt.Environment = "" }, decision.ErrEnvironment.Error()},
		"replayed in another run": {func(a *applying) { a.decision.Run = "yesterday" }, decision.ErrRun.Error()},
		"of another stage":        {func(a *applying) { a.decision.Stage = "stage.preview" }, decision.ErrRun.Error()},
		"of other work":           {func(a *applying) { a.decision.Nonce = "yesterday/serve" }, decision.ErrRun.Error()},
		"expired": {func(a *applying) {
			a.decision.Decided, a.decision.Expires = time.Now().Add(-2*time.Hour), time.Now().Add(-time.Hour)
		}, decision.ErrExpired.Error()},
		"from the future":       {func(a *applying) { a.decision.Decided = time.Now().Add(30 * time.Minute) }, decision.ErrNotYetValid.Error()},
		"a denial":              {func(a *applying) { a.decision.Result = decision.Denied }, decision.ErrNotPassed.Error()},
		"of a key of their own": {func(a *applying) { a.key = other }, decision.ErrUnknownKey.Error()},
		"no decision":           {func(a *applying) { a.envelopes = func([]byte) [][]byte { return nil } }, decision.ErrMissing.Error()},
		"and one more":          {func(a *applying) { a.envelopes = func(b []byte) [][]byte { return [][]byte{b, []byte("{}")} } }, decision.ErrMalformed.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "deployed")
			config := config(t, h, "fake", "deploy", map[string]cty.Value{"file": cty.StringVal(file), "content": cty.StringVal("v1")})
			a := planned(t, h, config, key)
			tt.change(&a)
			signed, err := decision.Sign(a.key, a.decision)
			if err != nil {
				t.Fatal(err)
			}
			result, err := h.Execute(t.Context(), engine.Call{
				Component: pipeline.ComponentRef{Plugin: "fake", Name: "deploy"},
				Apply: &pluginv1.ApplyRequest{
					Component: "deploy", Attempt: a.attempt, Config: config, Plan: a.plan, Decisions: a.envelopes(signed),
				},
				Scope: engine.Scope{AttemptID: a.attempt.GetId()},
			}, func(*pluginv1.Event) error { return nil })
			if err != nil {
				t.Fatal(err)
			}
			_, err = os.Stat(file)
			if tt.says == "" {
				if result.GetOutcome() != pluginv1.Outcome_OUTCOME_SUCCEEDED || err != nil {
					t.Errorf("got %v, %v", result, err)
				}
				return
			}
			if !errors.Is(err, fs.ErrNotExist) || result.GetOutcome() == pluginv1.Outcome_OUTCOME_SUCCEEDED || !strings.Contains(result.String(), tt.says) {
				t.Errorf("got %v, and the file: %v; want nothing applied, and %q", result, err, tt.says)
			}
		})
	}
}

// planned is a plan of fake.deploy, and a decision that allows it.
func planned(t *testing.T, h *Host, config *pluginv1.DynamicValue, key ed25519.PrivateKey) applying {
	t.Helper()
	at := attempt(t)
	at.Environment, at.IdempotencyKey = "staging", "run/s"
	resp, err := h.Plan(t.Context(), pipeline.ComponentRef{Plugin: "fake", Name: "deploy"},
		&pluginv1.PlanRequest{Component: "deploy", Attempt: at, Config: config}, engine.Scope{AttemptID: at.GetId()})
	if err != nil {
		t.Fatal(err)
	}
	again := attempt(t) // a plan and its use are two attempts
	again.Environment, again.IdempotencyKey = at.GetEnvironment(), at.GetIdempotencyKey()
	digest := resp.GetPlan().GetDigest()
	return applying{
		plan: resp.GetPlan(), attempt: again, key: key,
		envelopes: func(signed []byte) [][]byte { return [][]byte{signed} },
		decision: decision.Decision{
			Result: decision.Passed, PlanDigest: digest, Environment: "staging", Run: "run", Stage: "stage.s", Nonce: "run/s",
			Decided: time.Now(), Expires: time.Now().Add(time.Hour), InputDigest: digest, Rules: 1,
			Policies: []decision.Policy{{Component: "policy.opa", Bundle: "b", Digest: digest}},
		},
	}
}

// trustRoot is a file that trusts a key.
func trustRoot(t *testing.T, key ed25519.PrivateKey) string {
	t.Helper()
	public, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("the key has no public half")
	}
	text, err := decision.MarshalPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
