package kubernetes

import (
	"context"
	"strings"

	"github.com/stagegate/stagegate/plugins/deploy/capacity"
	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// survey is what a plan knows of the room for a release.
type survey struct {
	// unknown is why nothing can be proven, empty when it can.
	unknown string
	notes   []string
	cluster capacity.Cluster
	demand  capacity.Demand
	ground  *capacity.Ground
	live    kube.Object // the Deployment, nil when there is none
}

// survey tries one pod of the release, and reads what there is room for. A
// release may be planned without the right to see the nodes: nothing is proven
// then, and the plan says so.
func (s site) survey(ctx context.Context, c content) (survey, error) {
	v := survey{}
	pod, note, err := s.admission(ctx, c)
	if err != nil {
		return v, err
	}
	v.note(note)
	live, err := s.client.Get(ctx, c.deployment())
	if err != nil && !cluster.IsNotFound(err) {
		return v, explain(err)
	}
	v.live = live
	seen, notes, err := see(ctx, s.client, s.target.Namespace)
	if ctx.Err() != nil {
		return v, context.Cause(ctx)
	}
	if err != nil {
		v.unknown = err.Error()
		return v, nil //nolint:nilerr // the plan says it
	}
	v.cluster, v.demand, v.notes = seen, capacity.DemandOf(pod), append(v.notes, notes...)
	is := func(p capacity.Pod) bool {
		return p.Namespace == s.target.Namespace && p.Labels[manifest.LabelName] == c.Release.Name
	}
	v.ground = seen.Survey(capacity.Need{
		Demand: v.demand, Replicas: c.Release.Replicas,
		Old:     func(p capacity.Pod) bool { return is(p) && p.Labels[manifest.LabelRevision] != c.Release.Revision },
		Current: func(p capacity.Pod) bool { return is(p) && p.Labels[manifest.LabelRevision] == c.Release.Revision },
	})
	return v, nil
}

func (v *survey) note(line string) {
	if line != "" {
		v.notes = append(v.notes, line)
	}
}

// admission tries to make one pod without making it: a Deployment passes where
// its pods are refused, by a limit range, a pod security level or a webhook. It
// returns the pod as the cluster would have it, with what was added to it.
func (s site) admission(ctx context.Context, c content) (pod kube.Object, note string, err error) {
	template := podOf(c.object(c.deployment()))
	tried := template.Clone()
	if spec, ok := tried["spec"].(map[string]any); ok {
		spec["serviceAccountName"] = "default" // that of the release may not be there yet
	}
	got, err := s.client.Apply(ctx, tried, cluster.ApplyOptions{DryRun: true, Force: true})
	if err == nil {
		return got, "", nil
	}
	if ctx.Err() != nil {
		return nil, "", context.Cause(ctx)
	}
	switch says := err.Error(); {
	case strings.Contains(says, "exceeded quota"):
		// What the quota leaves is part of the proof: old pods may give it back.
		return template, "", nil
	case strings.Contains(says, "cannot patch resource"), strings.Contains(says, "cannot create resource"):
		return template, "whether pods would be admitted was not tried: that needs the right to create pods", nil
	case strings.Contains(says, "does not support dry run"), strings.Contains(says, "error looking up service account"):
		return template, "whether pods would be admitted could not be tried: " + says, nil
	}
	if kind := cluster.KindOf(err); kind != cluster.Forbidden && kind != cluster.Invalid {
		return nil, "", explain(err)
	}
	return nil, "", &sdk.Failure{
		Summary: "the cluster would refuse the pods of the release", Class: string(rollout.Admission), Cause: err,
		Detail: "One was tried without being made. A quota, a limit range, the namespace's pod security level or an admission webhook says no; its words are above.",
	}
}

// object is one of the plan's.
func (c content) object(ref kube.Ref) kube.Object {
	for _, o := range c.Objects {
		if o.Ref() == ref {
			return o
		}
	}
	return nil
}
