package kubernetes

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/sdk"
)

// devices is what the nodes have of the accelerator that a release asks for.
type devices struct {
	asked bool
	known bool // false when the nodes may not be read, or could not be
	rooms []rollout.Room
	other []string // accelerators that the nodes offer, of any name
}

// devices reads the nodes and what is bound to them. A release may be planned
// without that right, so an error only leaves it unknown.
func (s site) devices(ctx context.Context, r manifest.Release) devices {
	if r.GPU == nil {
		return devices{}
	}
	rooms, other, err := rooms(ctx, s.client, r.GPU.Resource, r.NodeSelector)
	return devices{asked: true, known: err == nil, rooms: rooms, other: other}
}

func rooms(ctx context.Context, client *cluster.Client, resource string, selector map[string]string) ([]rollout.Room, []string, error) {
	listed, err := client.List(ctx, "Node", "", "")
	if err != nil {
		return nil, nil, err
	}
	nodes, err := rollout.DecodeAll[rollout.Node](listed)
	if err != nil {
		return nil, nil, err
	}
	if listed, err = client.List(ctx, "Pod", "", ""); err != nil {
		return nil, nil, err
	}
	pods, err := rollout.DecodeAll[rollout.Pod](listed)
	if err != nil {
		return nil, nil, err
	}
	return rollout.Rooms(nodes, pods, resource, selector), rollout.Extended(nodes), nil
}

// judge refuses what no node could ever hold. What merely is not free now may
// become so, and is left to the scheduler.
func (d devices) judge(r manifest.Release, c sdk.Config) sdk.Diagnostics {
	var found sdk.Diagnostics
	if !d.asked || !d.known {
		return nil
	}
	at := sdk.At(sdk.Attr("gpu"))
	need, name := r.GPU.Count, r.GPU.Resource
	switch largest := rollout.Largest(d.rooms); {
	case len(d.rooms) == 0:
		found.AddError(set(c, at, "resource"), fmt.Sprintf("no node offers %s", name), d.instead(r))
	case largest < need:
		found.AddError(set(c, at, "count"), fmt.Sprintf("no node can hold a pod with %d %s", need, name),
			fmt.Sprintf("Each pod needs %d on one node, and the largest node has %d. Per node: %s. Ask for at most %d, or add a larger node.",
				need, largest, rollout.Describe(d.rooms), largest))
	case rollout.Seats(d.rooms, need) < r.Replicas:
		found.AddWarning(sdk.At(sdk.Attr("replicas")), fmt.Sprintf("the nodes cannot hold %d pods with %d %s each", r.Replicas, need, name),
			fmt.Sprintf("They need %d together; the nodes could hold %d such pods if nothing else ran there. Per node: %s. Unless nodes are added, the release will end as unschedulable.",
				r.Replicas*need, rollout.Seats(d.rooms, need), rollout.Describe(d.rooms)))
	}
	return found
}

// instead says what there is in place of a resource that no node offers.
func (d devices) instead(r manifest.Release) string {
	if len(r.NodeSelector) > 0 {
		return "None of the nodes that node_selector picks has any. " + offered(d.other)
	}
	return offered(d.other)
}

func offered(names []string) string {
	if len(names) == 0 {
		return "No node of the cluster offers an extended resource: is the device plugin running?"
	}
	return fmt.Sprintf("The nodes of the cluster offer: %s.", strings.Join(names, ", "))
}

// set is the place of an argument, or of its block when it is left out.
func set(c sdk.Config, block sdk.Path, attr string) sdk.Path {
	if b, ok := c.Block("gpu"); ok && b.Set(attr) {
		return append(block, sdk.Attr(attr))
	}
	return block
}
