package plugintest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stagegate/stagegate/sdk/decision"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// trust is an operator's key, made for one test.
type trust struct {
	key  ed25519.PrivateKey
	path string
}

func newTrust(t testing.TB) *trust {
	t.Helper()
	public, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatalf("make key: %v", err)
	}
	data, err := decision.MarshalPublicKey(public)
	if err != nil {
		t.Fatalf("encode key: %v", err)
	}
	path := filepath.Join(t.TempDir(), "trust-root.pem")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatalf("write trust root: %v", err)
	}
	return &trust{key: key, path: path}
}

// Allow signs a decision that lets the plan through for an Apply with the same
// options, for an hour.
func (h *Harness) Allow(plan *pluginv1.Plan, opts ...Options) [][]byte {
	h.t.Helper()
	o := h.options(opts)
	attempt := h.attempt(o)
	now := time.Now()
	none := sha256.Sum256(nil)
	empty := "sha256:" + hex.EncodeToString(none[:])
	envelope, err := decision.Sign(h.trust.key, decision.Decision{
		Result: decision.Passed, PlanDigest: plan.GetDigest(), Environment: o.Environment,
		Run: attempt.GetRun(), Stage: attempt.GetStage(), Nonce: attempt.GetIdempotencyKey(),
		Verifier: "plugintest", Decided: now.Add(-time.Second), Expires: now.Add(time.Hour), InputDigest: empty,
		Policies: []decision.Policy{{Component: "plugintest.allow", Bundle: "none", Digest: empty}},
		Rules:    1,
	})
	if err != nil {
		h.t.Fatalf("sign decision: %v", err)
	}
	return [][]byte{envelope}
}
