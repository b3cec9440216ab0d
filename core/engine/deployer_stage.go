package engine

import (
	"context"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// deploy is one attempt of a deployer stage: plan, compare with what policy
// stages judged, decide, apply. The gate decides here in any case, so that it
// stands without any policy stage; what is applied is the very plan that it
// decided on.
func (r *run) deploy(ctx context.Context, s *stage, a *attempt) event.Finish {
	resp, finish := r.plan(ctx, s, a.cfg, a.wire)
	if finish != nil {
		return *finish
	}
	plan := resp.GetPlan()
	if changed := r.planChanged(s, r.planOf(plan)); changed != nil {
		return *changed
	}
	decision, finish := r.decide(ctx, s, DecisionRequest{
		RunID: r.o.RunID, Stage: s.Stage, Attempt: a.wire, Plan: plan, Facts: resp.GetFacts(),
		Evidence: r.known(), Policies: r.governing(s),
	})
	if finish != nil {
		return *finish
	}
	if decision.Event.PlanDigest != plan.GetDigest() || len(decision.Envelope) == 0 {
		return errored(ClassPolicyError, "the decision does not carry the plan of "+s.Address(),
			"It must be signed and name the plan's digest. Nothing was applied. Please report this as a fault of the runner.")
	}
	if finish := r.approved(ctx, s, a, r.planOf(plan), decision); finish != nil {
		return *finish
	}
	if ctx.Err() != nil {
		return r.ended(context.Cause(ctx))
	}
	if err := r.record(event.Event{Type: event.ApplyStarted, Stage: s.Name, Attempt: a.number}); err != nil {
		return r.broke(ctx, err)
	}
	return r.stream(ctx, s, a, Call{Component: s.Component, Scope: a.scope(s), Apply: &pluginv1.ApplyRequest{
		Component: s.Component.Name, Attempt: a.wire, Config: a.cfg.wire,
		Plan: plan, Decisions: [][]byte{decision.Envelope},
	}})
}

// governing are the calls of the policy stages that govern a deployer stage.
// One that was skipped has none: a pipeline's own policies can only add
// denials, and the operator's are the gate's.
func (r *run) governing(s *stage) []PolicyCall {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []PolicyCall
	for _, g := range s.governors {
		if call, ok := r.calls[g.Name]; ok {
			out = append(out, call)
		}
	}
	return out
}
