package kubernetes

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/deploy/capacity"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// see reads the nodes, what is bound to them, and the quotas of a namespace.
// What is missing of the latter is said in a note: they may be for others alone.
func see(ctx context.Context, client *cluster.Client, namespace string) (capacity.Cluster, []string, error) {
	var c capacity.Cluster
	var notes []string
	nodes, err := client.List(ctx, "Node", "", "")
	if err != nil {
		return c, nil, err
	}
	pods, err := client.List(ctx, "Pod", "", "")
	if err != nil {
		return c, nil, err
	}
	quotas, err := client.List(ctx, "ResourceQuota", namespace, "")
	if err != nil {
		notes = append(notes, "quotas could not be read: "+err.Error())
	}
	for _, o := range nodes {
		c.Nodes = append(c.Nodes, capacity.NodeOf(o))
	}
	for _, o := range pods {
		if p, ok := capacity.PodOf(o); ok {
			c.Pods = append(c.Pods, p)
		}
	}
	for _, o := range quotas {
		c.Quotas = append(c.Quotas, capacity.QuotaOf(o))
	}
	return c, notes, nil
}

// impossible refuses what no node could ever hold, in whatever way pods are
// replaced.
func (v survey) impossible(c sdk.Config) (at sdk.Path, summary, detail string) {
	name := v.ground.Scarce()
	need := v.demand.Needs[name]
	largest, offering := v.ground.Largest()
	block := sdk.At(sdk.Attr("gpu"))
	switch {
	case !capacity.IsExtended(name):
		return nil, "", ""
	case offering == 0:
		return set(c, block, "resource"), fmt.Sprintf("no node offers %s", name), v.instead()
	case largest < need:
		return set(c, block, "count"), fmt.Sprintf("no node can hold a pod with %d %s", need, name),
			fmt.Sprintf("Each pod needs %d on one node, and the largest node has %d. Per node: %s. Ask for at most %d, or add a larger node.",
				need, largest, capacity.Describe(v.cluster.Rooms(name, v.demand.Selector)), largest)
	}
	return nil, "", ""
}

// instead says what there is in place of a resource that no node offers.
func (v survey) instead() string {
	if len(v.demand.Selector) > 0 {
		return "None of the nodes that node_selector picks has any. " + offered(v.cluster.Extended())
	}
	return offered(v.cluster.Extended())
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

// podOf is the pod that a Deployment's template makes.
func podOf(deployment kube.Object) kube.Object {
	template, _ := deployment.Clone().At("spec", "template").(map[string]any)
	pod := kube.Object(template)
	pod["apiVersion"], pod["kind"] = "v1", "Pod"
	if metadata, ok := pod["metadata"].(map[string]any); ok {
		metadata["namespace"] = deployment.Text("metadata", "namespace")
		metadata["name"] = deployment.Text("metadata", "name") + "-admission"
	}
	return pod
}
