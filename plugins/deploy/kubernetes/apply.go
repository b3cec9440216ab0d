package kubernetes

import (
	"context"
	"fmt"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Apply sends the objects of the plan and follows the rollout to its end. What
// is sent is the plan alone: of the configuration only the credentials are
// read. Server-side apply makes a second Apply of the same plan a no-op.
func (Component) Apply(ctx context.Context, req sdk.ApplyRequest, out *sdk.Emitter) (sdk.Outputs, sdk.Rollout, error) {
	c, err := read(req.Plan)
	if err != nil {
		return nil, sdk.Rollout{}, err
	}
	client, err := cluster.Open(accessOf(req.Config, req.Attempt.WorkDir))
	if err != nil {
		return nil, sdk.Rollout{}, explain(err)
	}
	defer client.Close()
	if err := c.suits(ctx, client, req.Attempt.Environment); err != nil {
		return nil, sdk.Rollout{}, err
	}
	h, live, err := begin(ctx, client, c)
	if err != nil {
		return nil, sdk.Rollout{}, err
	}
	raw, err := h.encode()
	if err != nil {
		return nil, sdk.Rollout{}, err
	}
	// From here on something may be there that a restarted runner has to find.
	if err := out.Handle(raw); err != nil {
		return nil, sdk.Rollout{}, err
	}
	for i, o := range c.Objects {
		if _, err := client.Apply(ctx, o, cluster.ApplyOptions{Force: manifest.Owns(live[i], c.Release.Name)}); err != nil {
			return nil, sdk.Rollout{Phase: sdk.Degraded, Message: partly(c, i), Replicas: c.Release.Replicas}, stopped(ctx, explain(err))
		}
		fmt.Fprintf(out.Stdout(), "applied %s\n", o.Ref())
	}
	f := newFollower(client, h, out)
	state, err := f.follow(ctx)
	if err != nil {
		return nil, state, err
	}
	f.remember(ctx)
	return h.outputs(), state, nil
}

// suits refuses to apply a plan to another cluster or environment than it was
// decided for.
func (c content) suits(ctx context.Context, client *cluster.Client, environment string) error {
	if c.Target.Environment != environment {
		return mismatch(fmt.Sprintf("it is for the environment %q, and the stage is for %q", c.Target.Environment, environment))
	}
	return sameCluster(ctx, client, c.Target.ClusterUID)
}

func sameCluster(ctx context.Context, client *cluster.Client, want string) error {
	uid, err := client.UID(ctx)
	if err != nil {
		return explain(err)
	}
	if uid != want {
		return mismatch(fmt.Sprintf("it is for the cluster %s, and %s leads to the cluster %s at %s", want, client.Source(), uid, client.Address()))
	}
	return nil
}

// begin notes what is there before the first write.
func begin(ctx context.Context, client *cluster.Client, c content) (handle, []kube.Object, error) {
	h := handle{
		Version: handleVersion, ClusterUID: c.Target.ClusterUID, Namespace: c.Target.Namespace,
		Release: c.Release, Limits: c.Limits,
	}
	live := make([]kube.Object, len(c.Objects))
	for i, o := range c.Objects {
		got, err := client.Get(ctx, o.Ref())
		if err != nil && !cluster.IsNotFound(err) {
			return handle{}, nil, explain(err)
		}
		live[i] = got
		h.Objects = append(h.Objects, touched{Ref: o.Ref(), Existed: got != nil})
		if o.Ref() == c.deployment() {
			h.Generation, _ = got.At("metadata", "generation").(int64)
		}
	}
	return h, live, nil
}

func partly(c content, applied int) string {
	return fmt.Sprintf("%d of %s had been applied", applied, count(len(c.Objects), "object"))
}

// stopped prefers the reason why a context ended to what that broke.
func stopped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func text(s string) sdk.Value { return cty.StringVal(s) }
