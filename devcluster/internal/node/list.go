package node

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// Summary is what is worth knowing of a node.
type Summary struct {
	Name  string
	GPUs  int64
	Ready bool
}

// List returns the cluster's nodes, those with GPUs first. A node is
// ready when pods can be placed on it and its simulator has sent a sign of
// life since the given time: what an earlier run left behind does not count.
func List(ctx context.Context, client kubernetes.Interface, since time.Time) ([]Summary, error) {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list nodes: %w", err)
	}
	leases, err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list node leases: %w", err)
	}
	renewed := renewals(leases.Items)
	summaries := make([]Summary, 0, len(nodes.Items))
	for i := range nodes.Items {
		node := &nodes.Items[i]
		gpus := node.Status.Allocatable[GPUResource]
		summaries = append(summaries, Summary{
			Name:  node.Name,
			GPUs:  gpus.Value(),
			Ready: schedulable(node) && renewed[node.Name].After(since),
		})
	}
	slices.SortFunc(summaries, func(a, b Summary) int {
		return cmp.Or(
			cmp.Compare(b.GPUs, a.GPUs),
			// The shorter name has the smaller number: gpu-node-9, gpu-node-10.
			cmp.Compare(len(a.Name), len(b.Name)),
			cmp.Compare(a.Name, b.Name),
		)
	})
	return summaries, nil
}

func renewals(leases []coordinationv1.Lease) map[string]time.Time {
	renewed := make(map[string]time.Time, len(leases))
	for i := range leases {
		if at := leases[i].Spec.RenewTime; at != nil {
			renewed[leases[i].Name] = at.Time
		}
	}
	return renewed
}

func schedulable(node *corev1.Node) bool {
	if node.Spec.Unschedulable {
		return false
	}
	for _, taint := range node.Spec.Taints {
		if strings.HasPrefix(taint.Key, "node.kubernetes.io/") {
			return false // not-ready, unreachable: set and lifted by the controllers
		}
	}
	return slices.ContainsFunc(node.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	})
}
