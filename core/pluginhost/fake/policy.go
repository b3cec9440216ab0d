package fake

import (
	"context"
	"errors"
	"strings"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// policy is the policy fake.policy.
type policy struct{}

// Schema is constant.
func (policy) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "policy", Description: "Gives the verdict it is told.", Effect: sdk.EffectPure,
		Config: sdk.Block{Attributes: []sdk.Attribute{
			{Name: "verdict", Type: cty.String}, {Name: "message", Type: cty.String},
		}},
	}
}

// Validate finds nothing.
func (policy) Validate(context.Context, sdk.ValidateRequest) sdk.Diagnostics { return nil }

// Evaluate gives the verdict, or answers what is none.
func (policy) Evaluate(ctx context.Context, req sdk.EvaluateRequest) (sdk.Evaluation, error) {
	e := sdk.Evaluation{Verdict: sdk.VerdictPass, Rules: []string{"fake_rule"}, Bundles: []sdk.Bundle{{Name: "fake", Digest: "sha256:" + strings.Repeat("fa", 32)}}}
	switch req.Config.String("verdict") {
	case "deny":
		e.Verdict = sdk.VerdictDeny
		e.Violations = []sdk.Violation{{Rule: "fake_rule", Message: req.Config.String("message"), Severity: "high"}}
	case "error":
		return e, errors.New("the fake was told to")
	case "crash":
		misbehave("crash")
	case "hang":
		<-ctx.Done()
		return e, context.Cause(ctx)
	case "deaf":
		select {}
	case "no_verdict":
		e.Verdict = 77
	case "no_rules":
		e.Rules = nil
	case "no_bundle":
		e.Bundles = nil
	case "no_reason":
		e.Verdict = sdk.VerdictDeny
	case "contradiction":
		e.Violations = []sdk.Violation{{Rule: "fake_rule", Message: req.Config.String("message")}}
	}
	return e, nil
}
