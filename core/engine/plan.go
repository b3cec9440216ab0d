package engine

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// plan has a deployer say what it would apply. The plan is stored as a blob,
// which proves its digest, and recorded. The Finish is nil when there is one.
func (r *run) plan(ctx context.Context, d *stage, cfg *configuration, as *pluginv1.Attempt) (*pluginv1.PlanResponse, *event.Finish) {
	resp, finish := r.askPlan(ctx, d, cfg, as)
	if finish != nil {
		return nil, finish
	}
	p := resp.GetPlan()
	if err := r.keepPlan(ctx, d, p); err != nil {
		finish := r.broke(ctx, err)
		return nil, &finish
	}
	if err := r.record(event.Event{Type: event.PlanMade, Stage: d.Name, Plan: r.planOf(p)}); err != nil {
		finish := r.broke(ctx, err)
		return nil, &finish
	}
	return resp, nil
}

// askPlan is the deployer's answer, checked but for its digest. Nothing is kept.
func (r *run) askPlan(ctx context.Context, d *stage, cfg *configuration, as *pluginv1.Attempt) (*pluginv1.PlanResponse, *event.Finish) {
	scope := Scope{AttemptID: as.GetId(), Secrets: d.Secrets}
	resp, err := r.o.Plugins.Plan(ctx, d.Component, &pluginv1.PlanRequest{
		Component: d.Component.Name, Attempt: as, Config: cfg.wire,
	}, scope)
	if err != nil {
		finish := r.broke(ctx, err)
		return nil, &finish
	}
	if finish := r.planRefused(ctx, d, resp); finish != nil {
		return nil, finish
	}
	p := resp.GetPlan()
	if p.GetEnvironment() == "" {
		p.Environment = cfg.environment
	}
	if err := r.checkPlan(d, cfg, p); err != nil {
		finish := r.broke(ctx, err)
		return nil, &finish
	}
	return resp, nil
}

// planRefused is why there is no plan, or nil.
func (r *run) planRefused(ctx context.Context, d *stage, resp *pluginv1.PlanResponse) *event.Finish {
	diags := r.place(d, resp.GetDiagnostics())
	var finish event.Finish
	switch {
	case diags.HasErrors():
		finish = r.refused(d, diags)
		finish.Failure.Class = ClassPlanFailed
	case resp.GetFailure() != nil:
		if ctx.Err() != nil {
			finish = r.ended(context.Cause(ctx))
			break
		}
		finish = event.Finish{Status: event.Errored, Failure: r.failureOf(resp.GetFailure())}
		if finish.Failure.Class == "" {
			finish.Failure.Class = ClassPlanFailed
		}
	case resp.GetPlan() == nil:
		finish = errored(ClassProtocol, "plugin "+d.Component.Plugin+" gave neither a plan nor a reason", "")
	default:
		for _, w := range diags {
			r.showDiagnostic(d, w)
		}
		return nil
	}
	return &finish
}

// checkPlan makes sure that a plan is what it says, but for its digest.
func (r *run) checkPlan(d *stage, cfg *configuration, p *pluginv1.Plan) error {
	if p.GetEnvironment() != cfg.environment {
		return brokenPlan(d, "the plan is for environment %q, not for %q", r.clean(p.GetEnvironment(), maxName), cfg.environment)
	}
	content := p.GetContent()
	if len(content) == 0 || len(content) > maxPlan {
		return brokenPlan(d, "the plan has %d bytes; it may have from 1 to %d", len(content), maxPlan)
	}
	if text := string(content); r.o.Redactor.Text(text) != text {
		return brokenPlan(d, "the plan holds a secret in clear; it must refer to it")
	}
	return nil
}

// keepPlan stores a plan, which proves its digest.
func (r *run) keepPlan(ctx context.Context, d *stage, p *pluginv1.Plan) error {
	digest, _, err := r.o.Blobs.Put(ctx, bytes.NewReader(p.GetContent()))
	if err != nil {
		return err
	}
	return r.checkDigest(d, p, digest)
}

// checkDigest compares the digest that a plan claims with that of its content.
func (r *run) checkDigest(d *stage, p *pluginv1.Plan, is string) error {
	if is != p.GetDigest() {
		return brokenPlan(d, "the plan's digest is %s, but its content has %s", r.clean(p.GetDigest(), maxName), is)
	}
	return nil
}

func brokenPlan(d *stage, format string, args ...any) error {
	return &PluginError{Plugin: d.Component.Plugin, Class: ClassProtocol, Err: fmt.Errorf(format, args...)}
}

// judgement names a plan by the policy stage that judged it and the deployer
// stage that made it.
type judgement struct{ policy, deployer string }

// judgedPlan is what a policy stage saw.
type judgedPlan struct {
	digest  string
	changes []event.Change
}

// differences names the objects that differ between two plans.
func differences(before, after []event.Change) []string {
	was := make(map[string]event.Change, len(before))
	for _, c := range before {
		was[c.Object] = c
	}
	differ := make(map[string]bool)
	for _, c := range after {
		// Without digests all that is known of an object counts, though the
		// cluster alone may have changed.
		same := was[c.Object] == c
		if c.Digest != "" {
			same = was[c.Object].Digest == c.Digest
		}
		if !same {
			differ[c.Object] = true
		}
		delete(was, c.Object)
	}
	for object := range was {
		differ[object] = true
	}
	return slices.Sorted(maps.Keys(differ))
}

// planChanged is the end of a deployer stage whose plan is not the one that a
// policy stage judged, or nil.
func (r *run) planChanged(d *stage, now *event.Plan) *event.Finish {
	for _, g := range d.governors {
		r.mu.Lock()
		seen := r.judged[judgement{g.Name, d.Name}]
		r.mu.Unlock()
		if seen == nil || seen.digest == now.Digest {
			continue
		}
		what := "The contents differ, but none of the listed changes does."
		if objects := differences(seen.changes, now.Changes); len(objects) > 0 {
			what = "These differ: " + strings.Join(bounded(objects, 20), ", ") + "."
		}
		return &event.Finish{Status: event.Failed, Failure: &event.Failure{
			Summary: "the plan is not the one that " + g.Address() + " judged",
			Detail: fmt.Sprintf("%s judged %s; now it is %s. %s Nothing was applied. Run the pipeline again, so that the new plan is judged.",
				g.Address(), seen.digest, now.Digest, what),
			Class: ClassPlanChanged,
		}}
	}
	return nil
}
