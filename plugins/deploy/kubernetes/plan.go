package kubernetes

import (
	"context"
	"fmt"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// Plan renders exactly what Apply would send, tries it without changing
// anything, and collects what policies want to know.
func (Component) Plan(ctx context.Context, req sdk.Request) (sdk.PlanResult, error) {
	r, err := releaseOf(req.Config, req.Attempt.Stage)
	if err != nil {
		return sdk.PlanResult{}, err
	}
	client, err := cluster.Open(accessOf(req.Config, req.Attempt.WorkDir))
	if err != nil {
		return sdk.PlanResult{}, explain(err)
	}
	defer client.Close()
	site, err := preflight(ctx, client, r.Namespace, req.Attempt.Environment)
	if err != nil {
		return sdk.PlanResult{}, err
	}
	c, err := contentOf(r, site.target, limitsOf(req.Config))
	if err != nil {
		return sdk.PlanResult{}, err
	}
	seen, err := site.survey(ctx, c)
	if err != nil {
		return sdk.PlanResult{}, err
	}
	w := seen.choose(r, req.Config)
	if r.Rolling != w.rolling {
		r.Rolling = w.rolling
		if c, err = contentOf(r, site.target, limitsOf(req.Config)); err != nil {
			return sdk.PlanResult{}, err
		}
	}
	result := sdk.PlanResult{Diagnostics: w.found}
	if result.Plan, err = c.plan(); err != nil {
		return sdk.PlanResult{}, err
	}
	result.Plan.Notes = w.notes
	result.Plan.Target = fmt.Sprintf("cluster %s (%s), namespace %s", client.Address(), site.target.ClusterVersion, r.Namespace)
	if result.Diagnostics.HasErrors() {
		return result, nil
	}
	if result.Plan.Changes, err = changes(ctx, client, c, &result.Diagnostics); err != nil {
		return sdk.PlanResult{}, err
	}
	for _, text := range client.Warnings() {
		result.Diagnostics.AddWarning(nil, "the cluster warns", text)
	}
	result.Facts = site.facts(ctx, c, r, seen)
	return result, nil
}

func (c content) plan() (sdk.Plan, error) {
	raw, err := kube.Canonical(c)
	if err != nil {
		return sdk.Plan{}, err
	}
	plan := sdk.NewPlan(planMediaType, raw)
	plan.Environment = c.Target.Environment
	return plan, nil
}

// changes tries every object and says what would become of it.
func changes(ctx context.Context, client *cluster.Client, c content, found *sdk.Diagnostics) ([]sdk.Change, error) {
	out := make([]sdk.Change, 0, len(c.Objects))
	for _, o := range c.Objects {
		before, err := client.Get(ctx, o.Ref())
		if err != nil && !cluster.IsNotFound(err) {
			return nil, explain(err)
		}
		ours := manifest.Owns(before, c.Release.Name)
		after, err := client.Apply(ctx, o, cluster.ApplyOptions{DryRun: true, Force: ours})
		if err != nil {
			return nil, explain(err)
		}
		digest, err := kube.Digest(o)
		if err != nil {
			return nil, err
		}
		change := sdk.Change{Object: o.Ref().String(), Action: sdk.ActionCreate, Digest: digest}
		if before != nil {
			change.Action, change.Diff = sdk.ActionNone, diff(before, after)
			if change.Diff != "" {
				change.Action = sdk.ActionUpdate
			}
			if !ours {
				found.AddWarning(nil, fmt.Sprintf("%s is not ours yet", o.Ref()),
					"It exists and was made by something else. Nobody holds a field that differs, so it would be taken over.")
			}
		}
		out = append(out, change)
	}
	return out, nil
}
