package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// historian is the field manager of the notes that are made after a rollout, so
// that the next server-side apply does not take them away.
const historian = "stagegate-history"

// remember notes on the ReplicaSet that it was healthy; on the Deployment the
// note would count as a change of it. That it cannot is no failure of the
// rollout: a rollback then takes the ReplicaSet before, healthy or not.
func (f *follower) remember(ctx context.Context) {
	if err := f.note(ctx); err != nil {
		fmt.Fprintf(f.out.Stderr(), "cannot note that revision %s is healthy: %v\n", f.handle.Release.Revision, err)
	}
}

func (f *follower) note(ctx context.Context) error {
	labels := manifest.LabelName + "=" + f.handle.Release.Name + "," + manifest.LabelRevision + "=" + f.handle.Release.Revision
	sets, err := f.client.List(ctx, "ReplicaSet", f.handle.Namespace, labels)
	if err != nil {
		return err
	}
	for _, rs := range sets {
		if rs.Annotation(manifest.AnnotationHealthy) != "" {
			continue
		}
		_, err := f.client.Apply(ctx, kube.Object{
			"apiVersion": "apps/v1",
			"kind":       "ReplicaSet",
			"metadata": map[string]any{
				"name":      rs.Text("metadata", "name"),
				"namespace": f.handle.Namespace,
				// The UID makes it fail rather than create when the object is gone.
				"uid":         rs.Text("metadata", "uid"),
				"annotations": map[string]any{manifest.AnnotationHealthy: "true"},
			},
		}, cluster.ApplyOptions{Manager: historian})
		if err != nil {
			return err
		}
	}
	return nil
}

// before picks the ReplicaSet to go back to: the latest that was healthy and is
// not of the given revision, else the latest other one. It returns nil when
// there is none.
func before(live kube.Object, sets []kube.Object, revision string) kube.Object {
	var healthy, all []kube.Object
	for _, rs := range sets {
		if !ownedBy(rs, live.Text("metadata", "uid")) || rs.Label(manifest.LabelRevision) == revision {
			continue
		}
		all = append(all, rs)
		if rs.Annotation(manifest.AnnotationHealthy) != "" {
			healthy = append(healthy, rs)
		}
	}
	if len(healthy) == 0 {
		healthy = all
	}
	if len(healthy) == 0 {
		return nil
	}
	return slices.MaxFunc(healthy, func(a, b kube.Object) int { return ordinal(a) - ordinal(b) })
}

func ownedBy(o kube.Object, uid string) bool {
	owners, _ := o.At("metadata", "ownerReferences").([]any)
	for _, e := range owners {
		if m, ok := e.(map[string]any); ok && m["uid"] == uid {
			return true
		}
	}
	return false
}

// ordinal is the number that the Deployment controller gives to a ReplicaSet.
func ordinal(rs kube.Object) int {
	n, err := strconv.Atoi(rs.Annotation("deployment.kubernetes.io/revision"))
	if err != nil {
		return 0
	}
	return n
}
