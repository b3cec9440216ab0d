package sdk

import (
	"crypto/ed25519"
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stagegate/stagegate/sdk/decision"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// An attempt without an identity would be compared with nothing, so that a
// decision of any run let it through.
func TestApplyRefusesAnAttemptWithoutAnIdentity(t *testing.T) {
	t.Parallel()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	root, err := decision.MarshalPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(file, root, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := newServer(Plugin{Name: "toys", Version: "1.0.0"}, file, io.Discard, nil)
	if err != nil {
		t.Fatal(err)
	}
	plan := NewPlan("text/plain", []byte("plan"))
	envelope, err := decision.Sign(key, decision.Decision{
		Result: decision.Passed, PlanDigest: plan.Digest, Run: "run", Stage: "stage.a", Nonce: "nonce",
		Decided: time.Now(), Expires: time.Now().Add(time.Hour), Rules: 1,
		Policies: []decision.Policy{{Component: "policy.opa", Bundle: "b", Digest: plan.Digest}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		attempt *pluginv1.Attempt
		allowed bool
	}{
		"whole":    {&pluginv1.Attempt{Run: "run", Stage: "stage.a", IdempotencyKey: "nonce"}, true},
		"no run":   {&pluginv1.Attempt{Stage: "stage.a", IdempotencyKey: "nonce"}, false},
		"no stage": {&pluginv1.Attempt{Run: "run", IdempotencyKey: "nonce"}, false},
		"no key":   {&pluginv1.Attempt{Run: "run", Stage: "stage.a"}, false},
		"nothing":  {nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := s.checkDecision(&pluginv1.ApplyRequest{
				Attempt: tt.attempt, Plan: &pluginv1.Plan{Digest: plan.Digest, Content: plan.Content}, Decisions: [][]byte{envelope},
			})
			if (err == nil) != tt.allowed {
				t.Errorf("got %v", err)
			}
		})
	}
}
