package gate

import (
	"fmt"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/sdk/decision"
)

// sign puts the envelope of an allowing verdict into the decision.
func (g *Gate) sign(d *engine.Decision, v *verdict, req engine.DecisionRequest, input []byte, now time.Time) error {
	key, err := g.keys.get()
	if err != nil {
		return err
	}
	d.Event.Expires = now.Add(g.opts.Expiry)
	d.Envelope, err = decision.Sign(key, decision.Decision{
		Result:      decision.Passed,
		PlanDigest:  req.Plan.GetDigest(),
		Environment: req.Attempt.GetEnvironment(),
		Run:         req.RunID,
		Stage:       req.Stage.Address(),
		Nonce:       req.Attempt.GetIdempotencyKey(),
		Verifier:    g.opts.Version,
		Decided:     now,
		Expires:     d.Event.Expires,
		InputDigest: digestOf(input),
		Policies:    v.policies,
		Rules:       v.ruleCount,
		Warnings:    len(v.warnings),
		Waived:      len(v.waived),
	})
	if err != nil {
		return fmt.Errorf("sign decision: %w", err)
	}
	return nil
}
