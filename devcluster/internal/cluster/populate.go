package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/component"
	"github.com/stagegate/stagegate/devcluster/internal/kubeconfig"
	"github.com/stagegate/stagegate/devcluster/internal/node"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// populate creates the nodes and storage classes and waits until a pod can be
// created and placed: that takes all of the controllers at work.
func (l *launch) populate(ctx context.Context) error {
	began := time.Now()
	client, _, err := kubeconfig.Open(l.cluster.Layout.Kubeconfig(), requestTimeout)
	if err != nil {
		return err
	}
	err = l.wait(ctx, component.APIServer, func() error { return l.createObjects(ctx, client) })
	if err != nil {
		return err
	}
	err = l.wait(ctx, component.ControllerManager, func() error { return serviceAccountExists(ctx, client) })
	if err != nil {
		return err
	}
	l.cluster.Progress(component.ControllerManager, "ready", time.Since(began))
	err = l.wait(ctx, component.KWOK, func() error { return l.nodesReady(ctx, client) })
	if err != nil {
		return err
	}
	l.cluster.Progress("nodes", "ready", time.Since(began))
	return nil
}

func (l *launch) createObjects(ctx context.Context, client kubernetes.Interface) error {
	version, err := client.Discovery().ServerVersion()
	if err != nil {
		return fmt.Errorf("ask for version: %w", err)
	}
	shape := l.recorded.Shape
	fleet := node.Fleet{GPUNodes: shape.Nodes, GPUsPerNode: shape.GPUsPerNode, CPUNodes: shape.CPUNodes}
	if err := node.Ensure(ctx, client, fleet, version.GitVersion); err != nil {
		return err
	}
	return node.EnsureStorageClasses(ctx, client)
}

// releaseNodes frees the nodes from a simulator that was killed: its successor
// would wait for the leases to run out, which takes their full forty seconds.
func (l *launch) releaseNodes(ctx context.Context) error {
	client, _, err := kubeconfig.Open(l.cluster.Layout.Kubeconfig(), requestTimeout)
	if err != nil {
		return err
	}
	return node.ReleaseLeases(ctx, client)
}

// serviceAccountExists: no pod is admitted to a namespace without it.
func serviceAccountExists(ctx context.Context, client kubernetes.Interface) error {
	_, err := client.CoreV1().ServiceAccounts(metav1.NamespaceDefault).Get(ctx, "default", metav1.GetOptions{})
	return err
}

func (l *launch) nodesReady(ctx context.Context, client kubernetes.Interface) error {
	kwok, _ := l.recorded.Component(component.KWOK)
	nodes, err := node.List(ctx, client, kwok.StartedAt)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if !n.Ready {
			return fmt.Errorf("node %s is not ready", n.Name)
		}
	}
	return nil
}

// wait tries until it succeeds. It fails as soon as any component that this
// run has started ends, and names the one that was waited for when the time
// is over.
func (l *launch) wait(ctx context.Context, name string, try func() error) error {
	err := poll(ctx, func() error {
		for _, child := range l.children {
			current, ok := l.recorded.Component(child.name)
			if !ok || current.Identity != child.Identity {
				continue // has been replaced since
			}
			if status, exited := child.Exited(); exited {
				return l.cluster.componentError(child.name, "has ended: "+status)
			}
		}
		return try()
	})
	if errors.Is(err, ErrTimeout) {
		return l.cluster.componentError(name, "is not ready: "+err.Error())
	}
	return err
}
