package kubernetes

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// follower watches one rollout.
type follower struct {
	client *cluster.Client
	handle handle
	out    reporter
	said   map[string]bool
}

// reporter is what a follower needs of sdk.Emitter.
type reporter interface {
	Progress(task string, current, total int64, unit string)
	Stdout() io.Writer
	Stderr() io.Writer
}

func newFollower(client *cluster.Client, h handle, out reporter) *follower {
	return &follower{client: client, handle: h, out: out, said: make(map[string]bool)}
}

// The queries of a watch, by their index.
const (
	watchDeployment = iota
	watchReplicaSets
	watchPods
	watchEndpoints
)

func (f *follower) queries() []cluster.Query {
	namespace, labels := f.handle.Namespace, manifest.LabelName+"="+f.handle.Release.Name
	return []cluster.Query{
		watchDeployment:  {Kind: "Deployment", Namespace: namespace, Name: f.handle.Release.Name},
		watchReplicaSets: {Kind: "ReplicaSet", Namespace: namespace, Labels: labels},
		watchPods:        {Kind: "Pod", Namespace: namespace, Labels: labels},
		watchEndpoints:   {Kind: "EndpointSlice", Namespace: namespace, Labels: "kubernetes.io/service-name=" + f.handle.Release.Name},
	}
}

// follow waits until the rollout is done or cannot be.
func (f *follower) follow(ctx context.Context) (sdk.Rollout, error) {
	watch, err := f.client.Watch(ctx, f.queries()...)
	if err != nil {
		return sdk.Rollout{}, explain(err)
	}
	defer watch.Close()
	patience := rollout.NewPatience(f.handle.Limits.limits(), time.Now())
	for {
		status, listed, err := f.look(watch.Objects)
		if err != nil {
			return sdk.Rollout{}, err
		}
		if listed {
			f.tell(status)
		}
		if status.Done {
			return f.rollout(sdk.Healthy, status), nil
		}
		if err := f.broken(ctx, watch, status, listed); err != nil {
			return f.rollout(sdk.Degraded, status), stopped(ctx, err)
		}
		verdict := patience.Look(status, time.Now())
		if verdict.Failed != nil {
			return f.rollout(sdk.Degraded, status), stopped(ctx, f.failure(ctx, watch, status, verdict))
		}
		if !wait(ctx, watch.Changed(), verdict.Again) {
			return f.rollout(sdk.Progressing, status), context.Cause(ctx)
		}
	}
}

// once reports how the rollout stands now. It asks for lists rather than for a
// watch, which may begin with a picture that is some time old.
func (f *follower) once(ctx context.Context) (sdk.Rollout, error) {
	lists := make([][]kube.Object, 0, len(f.queries()))
	for _, q := range f.queries() {
		list, err := f.client.List(ctx, q.Kind, q.Namespace, q.Labels)
		if err != nil {
			return sdk.Rollout{}, explain(err)
		}
		lists = append(lists, slices.DeleteFunc(list, func(o kube.Object) bool {
			return q.Name != "" && o.Ref().Name != q.Name
		}))
	}
	status, _, err := f.look(func(query int) ([]kube.Object, bool) { return lists[query], true })
	switch {
	case err != nil:
		return sdk.Rollout{}, err
	case status.Done:
		return f.rollout(sdk.Healthy, status), nil
	case hopeless(status):
		return f.rollout(sdk.Degraded, status), nil
	}
	return f.rollout(sdk.Progressing, status), nil
}

func hopeless(status rollout.Status) bool {
	for _, p := range status.Problems {
		if p.Hopeless {
			return true
		}
	}
	return false
}

// picture is what is known of the objects of a query, and whether it is known
// at all yet.
type picture func(query int) ([]kube.Object, bool)

// look judges a picture; listed is false while parts of it are missing.
func (f *follower) look(at picture) (status rollout.Status, listed bool, err error) {
	var s rollout.Snapshot
	var deployments []rollout.Deployment
	listed = true
	for _, err := range []error{
		fill(at, watchDeployment, &deployments, &listed),
		fill(at, watchReplicaSets, &s.ReplicaSets, &listed),
		fill(at, watchPods, &s.Pods, &listed),
		fill(at, watchEndpoints, &s.Endpoints, &listed),
	} {
		if err != nil {
			return status, false, err
		}
	}
	if !listed {
		return rollout.Status{Waiting: "the cluster has not shown the objects yet"}, false, nil
	}
	if len(deployments) == 1 {
		s.Deployment = &deployments[0]
	}
	return rollout.Judge(s, f.handle.goal()), true, nil
}

func fill[T any](at picture, query int, into *[]T, listed *bool) error {
	objects, ok := at(query)
	*listed = *listed && ok
	all, err := rollout.DecodeAll[T](objects)
	*into = all
	return err
}

// broken finds what makes further waiting pointless for other reasons than the
// pods': rights that are gone, or a Deployment that somebody else has changed.
func (f *follower) broken(ctx context.Context, watch *cluster.Watch, status rollout.Status, listed bool) error {
	if err := watch.Err(); err != nil {
		if kind := cluster.KindOf(err); kind == cluster.Forbidden || kind == cluster.Unauthorized {
			return explain(err)
		}
	}
	if !listed || status.Applied {
		return nil
	}
	// The picture may be older than our own write, so the server is asked.
	live, err := f.client.Get(ctx, f.handle.deployment())
	if cluster.IsNotFound(err) {
		return superseded("the Deployment was deleted while it was being rolled out")
	}
	if err != nil {
		return explain(err)
	}
	if revision := revisionOf(live); revision != f.handle.Release.Revision {
		return superseded(fmt.Sprintf("the Deployment now has the revision %q", revision))
	}
	return nil
}

func superseded(why string) *sdk.Failure {
	return &sdk.Failure{
		Summary: "another release has taken the place of this one: " + why, Class: classSuperseded,
		Detail: "Somebody else released under the same name, or changed the Deployment by hand. Look at its managedFields to see who, and run the pipeline again if this release is the one wanted.",
	}
}

// wait reports whether there is a reason to look again: a change, or that the
// time is up.
func wait(ctx context.Context, changed <-chan struct{}, d time.Duration) bool {
	timer := time.NewTimer(max(d, time.Millisecond))
	defer timer.Stop()
	select {
	case <-changed:
		return true
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func revisionOf(deployment kube.Object) string {
	return deployment.Text("spec", "template", "metadata", "labels", manifest.LabelRevision)
}
