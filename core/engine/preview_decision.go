package engine

import (
	"context"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/preview"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// maxMakers is how many stages are named as makers of one fact.
const maxMakers = 20

// foreseeDecision asks policy what it would say of a deployer stage's plan, or
// of the run's artifacts where the stage is a policy stage.
func (v *previewer) foreseeDecision(ctx context.Context, f *foreseen, req DecisionRequest) error {
	environment, known := environmentOf(f)
	as, giveBack, err := v.previewAttempt(ctx, f.stage, environment)
	if err != nil {
		return err
	}
	defer giveBack()
	req.RunID, req.Attempt, req.Evidence = previewRun, as, v.known()
	forecast := ForecastRequest{DecisionRequest: req}
	if !known {
		forecast.await(preview.FactEnvironment, f.out.Environment.KnownAfter...)
	}
	if req.Stage != nil && req.Plan == nil {
		forecast.await(preview.FactPlan, f.Address())
	}
	v.awaitMakers(&forecast, f)
	governors := f.governors
	if req.Stage == nil {
		governors = []*stage{f.stage}
	}
	for _, g := range governors {
		forecast.addPolicy(v.seen[g.Name])
	}
	f.out.Decision, err = v.policy.Forecast(ctx, forecast)
	if err == nil {
		v.cleanForecast(f.out.Decision)
	}
	return err
}

// await adds a fact that the run makes.
func (r *ForecastRequest) await(fact string, from ...string) {
	r.Awaited = append(r.Awaited, preview.Awaited{Fact: fact, From: bounded(from, maxMakers), More: max(0, len(from)-maxMakers)})
}

// awaitMakers adds the artifacts and measurements that are still to come. What
// comes after the decision does not count.
func (v *previewer) awaitMakers(to *ForecastRequest, f *foreseen) {
	later := v.dependents(f.Name)
	var artifacts, evals []string
	for _, other := range v.order {
		if later[other.Name] || other.out.Action == preview.Skip || other.out.Action == preview.Cached {
			continue
		}
		switch other.out.Kind {
		case builderKind:
			artifacts = append(artifacts, other.Address())
		case testerKind:
			evals = append(evals, other.Address())
		}
	}
	if len(artifacts) > 0 {
		to.await(preview.FactArtifacts, artifacts...)
	}
	if len(evals) > 0 {
		to.await(preview.FactEvals, evals...)
	}
}

// dependents are all stages that come after one.
func (v *previewer) dependents(name string) map[string]bool {
	out := map[string]bool{name: true}
	for queue := []string{name}; len(queue) > 0; queue = queue[1:] {
		for _, d := range v.graph.Dependents(queue[0]) {
			if !out[d] {
				out[d] = true
				queue = append(queue, d)
			}
		}
	}
	return out
}

// configurePolicy values a policy stage's configuration, so that it can be asked
// about every stage that it governs.
func (v *previewer) configurePolicy(ctx context.Context, f *foreseen) {
	if f.kind != pluginv1.Kind_KIND_POLICY || f.out.Action != preview.Run || !f.settled {
		return
	}
	cfg, finish := v.configure(ctx, f.stage, v.outputsFor(f.stage))
	switch {
	case finish == nil:
		f.call = &PolicyCall{Stage: f.Name, Component: f.Component, Config: cfg.wire, Secrets: f.Secrets}
	case finish.Failure.Class != ClassUnknown:
		f.fail(finish, f.Address()+" could not be run", "its configuration is not valid")
	}
}

// addPolicy adds a policy stage's own rules, or that they are not known yet.
func (r *ForecastRequest) addPolicy(g *foreseen) {
	switch {
	case g.call != nil:
		r.Policies = append(r.Policies, *g.call)
	case g.out.Action != preview.Skip:
		r.await(preview.FactRules, g.Address())
	}
}

// cleanForecast keeps secrets out of what policies say.
func (v *previewer) cleanForecast(d *preview.Decision) {
	d.Error = v.clean(d.Error, maxDetail)
	for i := range d.Refused {
		d.Refused[i] = v.clean(d.Refused[i], maxLine)
	}
	for _, list := range [][]event.Violation{d.Violations, d.Warnings, d.Waived} {
		for i := range list {
			cleanViolation(v.o.Redactor.Text, &list[i])
		}
	}
	for i := range d.Open {
		cleanViolation(v.o.Redactor.Text, &d.Open[i].Violation)
	}
}
