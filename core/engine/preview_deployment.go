package engine

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/preview"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// foreseeDeployment has a deployer make its plan where that is possible, and
// policy judge what is known.
func (v *previewer) foreseeDeployment(ctx context.Context, f *foreseen) error {
	d := new(preview.Deployment)
	f.out.Deployment = d
	req := DecisionRequest{Stage: f.Stage}
	switch {
	case !f.settled:
		d.State, d.Awaits = preview.Later, after(f)
	case v.offline:
		d.State = preview.NotAsked
	default:
		resp, finish := v.foreseePlan(ctx, f)
		switch {
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case finish == nil:
			d.State, d.Plan = preview.Planned, v.planOf(resp.GetPlan())
			req.Plan, req.Facts = resp.GetPlan(), resp.GetFacts()
		case finish.Failure.Class == ClassUnknown:
			// Only what the run itself makes can hide behind a secret.
			d.State, d.Awaits = preview.Later, []string{preview.AfterRun}
		default:
			d.State, d.Failure = preview.Failed, finish.Failure
		}
	}
	return v.foreseeDecision(ctx, f, req)
}

// foreseePlan is the plan that the deployer would make now. Only here, and for
// the configuration of policies, are secrets resolved.
func (v *previewer) foreseePlan(ctx context.Context, f *foreseen) (*pluginv1.PlanResponse, *event.Finish) {
	cfg, finish := v.configure(ctx, f.stage, v.outputsFor(f.stage))
	if finish != nil {
		return nil, finish
	}
	as, giveBack, err := v.previewAttempt(ctx, f.stage, cfg.environment)
	if err != nil {
		finish := v.broke(ctx, err)
		return nil, &finish
	}
	defer giveBack()
	resp, finish := v.askPlan(ctx, f.stage, cfg, as)
	if finish != nil {
		return nil, finish
	}
	sum := sha256.Sum256(resp.GetPlan().GetContent())
	if err := v.checkDigest(f.stage, resp.GetPlan(), "sha256:"+hex.EncodeToString(sum[:])); err != nil {
		finish := v.broke(ctx, err)
		return nil, &finish
	}
	return resp, nil
}

// previewAttempt is what plugins are told about an attempt that is none. It has
// no idempotency key, without which no deployer applies anything.
func (v *previewer) previewAttempt(ctx context.Context, s *stage, environment string) (*pluginv1.Attempt, func(), error) {
	scratch, err := v.scratch.take()
	if err != nil {
		return nil, nil, err
	}
	as := v.identify(ctx, s, &configuration{environment: environment}, 1, scratch)
	as.IdempotencyKey = ""
	return as, func() { _ = v.scratch.give(scratch) }, nil // whoever made the root removes it
}

// after is what a stage's configuration waits for, for people.
func after(f *foreseen) []string {
	var out []string
	for _, name := range f.awaits {
		out = append(out, pipeline.StageAddress(name))
	}
	for _, a := range f.out.Arguments {
		if slices.Contains(a.KnownAfter, preview.AfterRun) {
			return append(out, preview.AfterRun)
		}
	}
	return out
}

// environmentOf is the environment if it is known.
func environmentOf(f *foreseen) (name string, known bool) {
	a := f.out.Environment
	if a == nil {
		return "", true
	}
	return name, json.Unmarshal(a.Value, &name) == nil
}
