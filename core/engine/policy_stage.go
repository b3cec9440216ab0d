package engine

import (
	"context"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/proto"
)

// judge is one attempt of a policy stage: it has the plan of each deployer
// stage that it governs made and decided on. One that governs none has what the
// run has made and measured decided on.
func (r *run) judge(ctx context.Context, s *stage, a *attempt) event.Finish {
	call := PolicyCall{Stage: s.Name, Component: s.Component, Config: a.cfg.wire, Secrets: s.Secrets}
	end := event.Finish{Status: event.Succeeded}
	if len(s.governs) == 0 {
		_, finish := r.decide(ctx, s, DecisionRequest{
			RunID: r.o.RunID, Attempt: a.wire, Evidence: r.known(), Policies: []PolicyCall{call},
		})
		if finish != nil {
			end = *finish
		}
	}
	for _, d := range s.governs {
		finish := r.judgePlan(ctx, s, a, d, call)
		// Every plan is judged, so that all that is wrong shows at once, but not
		// after something broke.
		if finish != nil && weight(finish.Status) > weight(end.Status) {
			end = *finish
		}
		if finish != nil && finish.Status != event.Denied {
			break
		}
	}
	if end.Status == event.Succeeded {
		r.mu.Lock()
		r.calls[s.Name] = call
		r.mu.Unlock()
	}
	return end
}

// judgePlan has one deployer's plan made and decided on.
func (r *run) judgePlan(ctx context.Context, s *stage, a *attempt, d *stage, call PolicyCall) *event.Finish {
	outputs := r.outputsFor(d)
	wanted, _, diags := r.o.Evaluator.When(d.Stage, outputs)
	if diags.HasErrors() {
		finish := r.refused(d, diags)
		return &finish
	}
	if !wanted {
		return nil
	}
	cfg, finish := r.configure(ctx, d, outputs)
	if finish != nil {
		if finish.Failure.Class == ClassUnknown && len(r.skippedNeeds(d)) > 0 {
			return nil // it will be skipped itself
		}
		return finish
	}
	as := actingFor(a, r.o.RunID, d, cfg)
	resp, finish := r.plan(ctx, d, cfg, as)
	if finish != nil {
		return finish
	}
	r.mu.Lock()
	r.judged[judgement{s.Name, d.Name}] = &judgedPlan{digest: resp.GetPlan().GetDigest(), changes: r.planOf(resp.GetPlan()).Changes}
	r.mu.Unlock()
	_, finish = r.decide(ctx, s, DecisionRequest{
		RunID: r.o.RunID, Stage: d.Stage, Attempt: as, Plan: resp.GetPlan(), Facts: resp.GetFacts(),
		Evidence: r.known(), Policies: []PolicyCall{call},
	})
	return finish
}

// actingFor is the policy stage's attempt, doing a deployer stage's planning.
func actingFor(a *attempt, run string, d *stage, cfg *configuration) *pluginv1.Attempt {
	as := proto.CloneOf(a.wire)
	as.Stage = d.Address()
	as.IdempotencyKey = idempotencyKey(run, d.Address())
	as.Environment = cfg.environment
	return as
}
