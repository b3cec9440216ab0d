package node

import (
	"context"
	"encoding/json"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Ensure makes the cluster have exactly the simulated nodes of the fleet. Nodes
// that somebody else has added are left alone.
func Ensure(ctx context.Context, client kubernetes.Interface, fleet Fleet, kubeletVersion string) error {
	wanted := make(map[string]bool)
	for _, node := range fleet.nodes(kubeletVersion) {
		wanted[node.Name] = true
		_, err := client.CoreV1().Nodes().Create(ctx, node, metav1.CreateOptions{})
		if apierrors.IsAlreadyExists(err) {
			err = update(ctx, client, node)
		}
		if err != nil {
			return fmt.Errorf("create node %s: %w", node.Name, err)
		}
	}
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: ownerLabel})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for i := range nodes.Items {
		name := nodes.Items[i].Name
		if wanted[name] {
			continue
		}
		err := client.CoreV1().Nodes().Delete(ctx, name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete node %s: %w", name, err)
		}
	}
	return nil
}

// update sets what may differ between two shapes of a node. It leaves the
// conditions and taints alone, which others write.
func update(ctx context.Context, client kubernetes.Interface, node *corev1.Node) error {
	metadata, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": node.Labels}})
	if err != nil {
		return fmt.Errorf("encode labels: %w", err)
	}
	nodes := client.CoreV1().Nodes()
	if _, err := nodes.Patch(ctx, node.Name, types.MergePatchType, metadata, metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("patch labels: %w", err)
	}
	status, err := json.Marshal(map[string]any{"status": map[string]any{
		"capacity": node.Status.Capacity, "allocatable": node.Status.Allocatable,
	}})
	if err != nil {
		return fmt.Errorf("encode capacity: %w", err)
	}
	if _, err := nodes.Patch(ctx, node.Name, types.MergePatchType, status, metav1.PatchOptions{}, "status"); err != nil {
		return fmt.Errorf("patch capacity: %w", err)
	}
	return nil
}

// ReleaseLeases ends the hold that a simulator has on its nodes. It must only
// be called when that simulator does not run any more.
func ReleaseLeases(ctx context.Context, client kubernetes.Interface) error {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{LabelSelector: ownerLabel})
	if err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for i := range nodes.Items {
		name := nodes.Items[i].Name
		err := client.CoordinationV1().Leases(corev1.NamespaceNodeLease).Delete(ctx, name, metav1.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete lease of node %s: %w", name, err)
		}
	}
	return nil
}
