package kubernetes

import (
	"context"
	"fmt"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// Observe reports where a rollout stands: by its handle, or by what the
// configuration would have applied when there is none.
func (Component) Observe(ctx context.Context, req sdk.ObserveRequest, out *sdk.Emitter) (sdk.Outputs, sdk.Rollout, error) {
	client, err := cluster.Open(accessOf(req.Config, req.Attempt.WorkDir))
	if err != nil {
		return nil, sdk.Rollout{}, explain(err)
	}
	defer client.Close()
	h, err := wanted(ctx, client, req)
	if err != nil {
		return nil, sdk.Rollout{}, err
	}
	if err := h.present(ctx, client); err != nil {
		return nil, sdk.Rollout{}, err
	}
	f := newFollower(client, h, out)
	if !req.Follow {
		state, err := f.once(ctx)
		return h.outputs(), state, err
	}
	state, err := f.follow(ctx)
	if err != nil {
		return nil, state, err
	}
	f.remember(ctx)
	return h.outputs(), state, nil
}

// wanted is the handle, read or made up.
func wanted(ctx context.Context, client *cluster.Client, req sdk.ObserveRequest) (handle, error) {
	if len(req.Handle) > 0 {
		h, err := decodeHandle(req.Handle)
		if err != nil {
			return handle{}, err
		}
		return h, sameCluster(ctx, client, h.ClusterUID)
	}
	r, err := releaseOf(req.Config, req.Attempt.Stage)
	if err != nil {
		return handle{}, err
	}
	uid, err := client.UID(ctx)
	if err != nil {
		return handle{}, explain(err)
	}
	c, err := contentOf(r, target{ClusterUID: uid, Namespace: r.Namespace}, limitsOf(req.Config))
	if err != nil {
		return handle{}, err
	}
	return handle{
		Version: handleVersion, ClusterUID: uid, Namespace: r.Namespace, Release: c.Release, Limits: c.Limits,
		Generation: neverWritten,
	}, nil
}

// neverWritten is the generation of a handle that Apply did not get to emit: a
// Deployment with another revision is then not this rollout's doing, whatever
// its generation.
const neverWritten = -1

// present returns ErrNothingApplied when the Deployment is not the rollout's
// work, and a failure when it was and is no more.
func (h handle) present(ctx context.Context, client *cluster.Client) error {
	live, err := client.Get(ctx, h.deployment())
	if cluster.IsNotFound(err) {
		return sdk.ErrNothingApplied
	}
	if err != nil {
		return explain(err)
	}
	if revisionOf(live) == h.Release.Revision {
		return nil
	}
	if h.untouched(live) {
		return sdk.ErrNothingApplied
	}
	return superseded(fmt.Sprintf("the Deployment has the revision %q", revisionOf(live)))
}

// untouched reports whether the Deployment is as it was before the first
// write.
func (h handle) untouched(live kube.Object) bool {
	generation, _ := live.At("metadata", "generation").(int64)
	return h.Generation == neverWritten || h.Generation == generation
}
