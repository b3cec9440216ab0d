package gate

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/preview"
)

var _ engine.Forecaster = (*Gate)(nil)

// Forecast implements engine.Forecaster: it asks every governing policy, as
// Decide would, about what is known now. Nothing is signed, and the key is not
// touched.
func (g *Gate) Forecast(ctx context.Context, req engine.ForecastRequest) (*preview.Decision, error) {
	if req.Attempt == nil {
		return nil, errors.New("forecast decision: the request has no attempt")
	}
	v := newVerdict(req.DecisionRequest)
	now := g.opts.Now().UTC()
	in, input, err := g.prepareForecast(ctx, req, now)
	if err != nil {
		v.fail("", err)
		return forecast(v, req.Awaited), nil
	}
	for _, call := range g.calls(ctx, req.DecisionRequest, v) {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		resp, err := g.evaluate(ctx, req.DecisionRequest, call, input)
		v.add(call, resp, err)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	v.waive(in)
	return forecast(v, req.Awaited), nil
}

// prepareForecast is the input as far as it is known. Without a plan, what the
// deployer would say with it is unknown.
func (g *Gate) prepareForecast(ctx context.Context, req engine.ForecastRequest, now time.Time) (*Input, []byte, error) {
	if req.Stage == nil || req.Plan != nil {
		return g.prepare(ctx, req.DecisionRequest, now)
	}
	in, err := g.collect(ctx, req.DecisionRequest, now)
	if err != nil {
		return nil, nil, err
	}
	data, err := g.schema.encode(in)
	return in, data, err
}

// forecast sorts what policies say into what holds whatever the run makes, and
// what cannot be said before it. That nothing is wrong is an answer only when
// nothing is awaited. Warnings about what is awaited are left out.
func forecast(v *verdict, awaited []preview.Awaited) *preview.Decision {
	e := v.event()
	d := &preview.Decision{
		Policies: e.Policies, Rules: e.Rules, Warnings: e.Warnings, Waived: e.Waived, Refused: e.Refused, Awaits: awaited,
		Error: strings.Join(v.errors, "; "),
	}
	for _, found := range v.violations {
		if waits := waitsFor(found, awaited); len(waits) > 0 {
			d.Open = append(d.Open, preview.Open{Violation: found, Awaits: waits})
			continue
		}
		d.Violations = append(d.Violations, found)
	}
	d.Warnings = slices.DeleteFunc(d.Warnings, func(found event.Violation) bool { return len(waitsFor(found, awaited)) > 0 && len(found.Facts) > 0 })
	d.Violations = shown(d.Violations)
	d.Open = d.Open[:min(len(d.Open), maxShown)]
	switch {
	case len(d.Violations) > 0:
		d.Verdict = preview.Deny
	case len(v.errors) > 0 || v.asked == 0 || v.ruleCount == 0:
		d.Verdict, d.Error = preview.Fault, e.Error
	case len(awaited) > 0:
		d.Verdict = preview.Unknown
	default:
		d.Verdict = preview.Allow
	}
	return d
}

// waitsFor are the awaited facts that a finding rests on. One that does not say
// what it rests on may rest on any.
func waitsFor(found event.Violation, awaited []preview.Awaited) []string {
	var out []string
	for _, a := range awaited {
		if a.Fact == preview.FactRules {
			continue // further rules take no finding back
		}
		if len(found.Facts) == 0 || a.Fact == preview.FactEnvironment || restsOn(found.Facts, a.Fact) ||
			a.Fact == preview.FactPlan && deployers(found.Subject) {
			out = append(out, a.Fact)
		}
	}
	return out
}

// restsOn reports whether facts may change when one is made.
func restsOn(facts []string, made string) bool {
	for _, fact := range facts {
		fact = strings.TrimPrefix(fact, "input.")
		if made == preview.FactPlan && saidWithPlan(fact) || below(fact, made) || below(made, fact) {
			return true
		}
	}
	return false
}

// deployers reports whether a finding's subject is a fact that the deployer
// states: there may be none but that in what is wrong.
func deployers(subject string) bool {
	for name := range new(Input).places() {
		if name != "access.actor" && subject == name {
			return true
		}
	}
	return subject == "access.cluster_actor" || below(subject, "facts")
}

// saidWithPlan reports whether the deployer says it together with its plan: all
// but what the runner knows itself.
func saidWithPlan(fact string) bool {
	for _, own := range []string{"now", "run", "target.stage", "target.component", "target.environment", "artifacts", "evals", "access.actor", "access.groups", "access.approval", "access.break_glass", "encryption", "waivers"} {
		if below(fact, own) {
			return false
		}
	}
	return true
}

// below reports whether a path is another one or leads into it.
func below(path, other string) bool {
	return path == other || strings.HasPrefix(path, other+".")
}
