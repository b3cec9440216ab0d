package kubernetes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// Rollback makes the release before the handle's serve again: by its pod
// template, which the ReplicaSet before still holds, or by deleting what the
// first release made.
func (Component) Rollback(ctx context.Context, req sdk.RollbackRequest, out *sdk.Emitter) (sdk.Rollout, error) {
	h, err := decodeHandle(req.Handle)
	if err != nil {
		return sdk.Rollout{}, err
	}
	client, err := cluster.Open(accessOf(req.Config, req.Attempt.WorkDir))
	if err != nil {
		return sdk.Rollout{}, explain(err)
	}
	defer client.Close()
	if err := sameCluster(ctx, client, h.ClusterUID); err != nil {
		return sdk.Rollout{}, err
	}
	live, err := client.Get(ctx, h.deployment())
	if err != nil && !cluster.IsNotFound(err) {
		return sdk.Rollout{}, explain(err)
	}
	if live != nil && revisionOf(live) != h.Release.Revision {
		if h.untouched(live) {
			return sdk.Rollout{Phase: sdk.RolledBack, Message: "the Deployment had not been changed"}, nil
		}
		return sdk.Rollout{Phase: sdk.Degraded}, superseded(fmt.Sprintf("the Deployment has the revision %q", revisionOf(live)))
	}
	f := newFollower(client, h, out)
	if live == nil {
		return f.undo(ctx)
	}
	sets, err := client.List(ctx, "ReplicaSet", h.Namespace, manifest.LabelName+"="+h.Release.Name)
	if err != nil {
		return sdk.Rollout{}, explain(err)
	}
	if previous := before(live, sets, h.Release.Revision); previous != nil {
		return f.restore(ctx, live, previous)
	}
	return f.undo(ctx)
}

// restore gives the Deployment the template of an older ReplicaSet.
func (f *follower) restore(ctx context.Context, live, previous kube.Object) (sdk.Rollout, error) {
	if !manifest.Owns(live, f.handle.Release.Name) {
		return sdk.Rollout{}, superseded("the Deployment does not carry our labels any more")
	}
	revision, o := restored(live, previous)
	if _, err := f.client.Apply(ctx, o, cluster.ApplyOptions{Force: true}); err != nil {
		return sdk.Rollout{Phase: sdk.Degraded}, explain(err)
	}
	fmt.Fprintf(f.out.Stdout(), "applied revision %s again\n", revision)
	f.handle.Release.Revision = revision
	state, err := f.follow(ctx)
	if err == nil {
		state.Phase = sdk.RolledBack
		state.Message = fmt.Sprintf("revision %s serves again: %s", revision, state.Message)
	}
	return state, err
}

// restored is the Deployment with an older template. All else in its spec is
// sent as it is: server-side apply resets what its owner leaves out, replicas
// to 1 among it.
func restored(live, previous kube.Object) (string, kube.Object) {
	spec, _ := live.Clone()["spec"].(map[string]any)
	template, _ := previous.Clone().At("spec", "template").(map[string]any)
	revision := previous.Label(manifest.LabelRevision)
	if revision == "" { // it was not made by us: its hash is as good a name
		revision = previous.Label("pod-template-hash")
	}
	labels, _ := kube.Object(template).At("metadata", "labels").(map[string]any)
	delete(labels, "pod-template-hash")
	labels[manifest.LabelRevision] = revision
	if metadata, ok := template["metadata"].(map[string]any); ok {
		delete(metadata, "creationTimestamp")
	}
	spec["template"] = template
	return revision, kube.Object{
		"apiVersion": "apps/v1",
		"kind":       "Deployment",
		"metadata": map[string]any{
			"name":      live.Text("metadata", "name"),
			"namespace": live.Text("metadata", "namespace"),
			"uid":       live.Text("metadata", "uid"),
			"labels": map[string]any{
				manifest.LabelName: live.Label(manifest.LabelName), manifest.LabelManagedBy: manifest.Tool,
				manifest.LabelRevision: revision,
			},
		},
		"spec": spec,
	}
}

// undo deletes what the first release made, in the reverse order, and waits for
// its pods to give their devices back.
func (f *follower) undo(ctx context.Context) (sdk.Rollout, error) {
	var gone []string
	for _, o := range slices.Backward(f.handle.Objects) {
		if o.Existed {
			continue
		}
		live, err := f.client.Get(ctx, o.Ref)
		if cluster.IsNotFound(err) || (err == nil && !manifest.Owns(live, f.handle.Release.Name)) {
			continue
		}
		if err == nil {
			err = f.client.Delete(ctx, o.Ref, live.Text("metadata", "uid"))
		}
		if err != nil {
			return sdk.Rollout{Phase: sdk.Degraded}, explain(err)
		}
		gone = append(gone, o.String())
		fmt.Fprintf(f.out.Stdout(), "deleted %s\n", o.Ref)
	}
	if err := f.drained(ctx); err != nil {
		return sdk.Rollout{Phase: sdk.Degraded}, err
	}
	message := "nothing of the release was there"
	if len(gone) > 0 {
		message = "no release served before, so this one was removed: " + strings.Join(gone, ", ")
	}
	return sdk.Rollout{Phase: sdk.RolledBack, Message: message}, nil
}

// drained waits until no pod of the release is left.
func (f *follower) drained(ctx context.Context) error {
	watch, err := f.client.Watch(ctx, f.queries()...)
	if err != nil {
		return explain(err)
	}
	defer watch.Close()
	deadline := time.Now().Add(f.handle.Limits.limits().Ready)
	for {
		pods, listed := watch.Objects(watchPods)
		switch {
		case listed && len(pods) == 0:
			return nil
		case !listed && watch.Err() != nil && cluster.KindOf(watch.Err()) != cluster.Unreachable:
			return explain(watch.Err())
		case time.Now().After(deadline):
			return &sdk.Failure{
				Summary: fmt.Sprintf("%s of the release have not ended", count(len(pods), "pod")), Class: classNotEnded,
				Detail: "They were told to, and may still hold devices. Look at the nodes they are on, and at their finalizers.",
			}
		}
		if !wait(ctx, watch.Changed(), time.Until(deadline)) {
			return context.Cause(ctx)
		}
	}
}
