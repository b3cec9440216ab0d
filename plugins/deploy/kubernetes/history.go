package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/stagegate/stagegate/plugins/deploy/cluster"
	"github.com/stagegate/stagegate/plugins/deploy/manifest"
)

// historian is the field manager of the notes that are made after a rollout, so
// that the next server-side apply does not take them away.
const historian = "stagegate-history"

// maxRemembered bounds the list of healthy revisions; Kubernetes keeps as many
// ReplicaSets.
const maxRemembered = 10

// remember notes that the revision was healthy. That it cannot is no failure of
// the rollout: a rollback then takes the ReplicaSet before.
func (f *follower) remember(ctx context.Context) {
	live, err := f.client.Get(ctx, f.handle.deployment())
	if err == nil && revisionOf(live) == f.handle.Release.Revision {
		err = f.note(ctx, live)
	}
	if err != nil {
		fmt.Fprintf(f.out.Stderr(), "cannot note that revision %s is healthy: %v\n", f.handle.Release.Revision, err)
	}
}

func (f *follower) note(ctx context.Context, live manifest.Object) error {
	was := live.Annotation(manifest.AnnotationHealthy)
	now := strings.Join(remembered(healthy(live), f.handle.Release.Revision), ",")
	if was == now {
		return nil
	}
	_, err := f.client.Apply(ctx, manifest.Object{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata": map[string]any{
			"name":      f.handle.Release.Name,
			"namespace": f.handle.Namespace,
			// The UID makes it fail rather than create when the object is gone.
			"uid":         live.Text("metadata", "uid"),
			"annotations": map[string]any{manifest.AnnotationHealthy: now},
		},
	}, cluster.ApplyOptions{Force: true, Manager: historian})
	return err
}

// remembered puts a revision at the front of a list.
func remembered(list []string, revision string) []string {
	out := []string{revision}
	for _, r := range list {
		if r != revision && len(out) < maxRemembered {
			out = append(out, r)
		}
	}
	return out
}

// healthy lists the revisions of a Deployment that were healthy, the latest
// first.
func healthy(live manifest.Object) []string {
	text := live.Annotation(manifest.AnnotationHealthy)
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

// before picks the ReplicaSet to go back to: that of the latest healthy
// revision other than the given one, else the one before it. It returns nil
// when there is none.
func before(live manifest.Object, sets []manifest.Object, revision string) manifest.Object {
	var mine []manifest.Object
	for _, rs := range sets {
		if ownedBy(rs, live.Text("metadata", "uid")) && rs.Label(manifest.LabelRevision) != revision {
			mine = append(mine, rs)
		}
	}
	for _, good := range healthy(live) {
		for _, rs := range mine {
			if good != revision && rs.Label(manifest.LabelRevision) == good {
				return rs
			}
		}
	}
	if len(mine) == 0 {
		return nil
	}
	return slices.MaxFunc(mine, func(a, b manifest.Object) int { return ordinal(a) - ordinal(b) })
}

func ownedBy(o manifest.Object, uid string) bool {
	owners, _ := o.At("metadata", "ownerReferences").([]any)
	for _, e := range owners {
		if m, ok := e.(map[string]any); ok && m["uid"] == uid {
			return true
		}
	}
	return false
}

// ordinal is the number that the Deployment controller gives to a ReplicaSet.
func ordinal(rs manifest.Object) int {
	n, err := strconv.Atoi(rs.Annotation("deployment.kubernetes.io/revision"))
	if err != nil {
		return 0
	}
	return n
}
