package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/capacity"
)

// The cluster that room is proven in: each node is full, and has one pod of the
// release that is to be replaced.
const (
	provenNodes = 1000
	provenPods  = 9 // on each node
)

// capacity measures the proof that a release has room, from the objects as the
// API server gives them to the answer.
func (b *bench) capacity() error {
	nodes, pods := provenCluster()
	var walls []time.Duration
	for range b.rounds {
		began := time.Now()
		if err := prove(nodes, pods); err != nil {
			return err
		}
		walls = append(walls, time.Since(began))
	}
	fmt.Printf("\nroom for %d pods proven on %d nodes with %d pods: %s\n", provenNodes, provenNodes, provenNodes*provenPods, milliseconds(median(walls)))
	return nil
}

func prove(nodes, pods []map[string]any) error {
	var c capacity.Cluster
	for _, o := range nodes {
		c.Nodes = append(c.Nodes, capacity.NodeOf(o))
	}
	for _, o := range pods {
		if p, ok := capacity.PodOf(o); ok {
			c.Pods = append(c.Pods, p)
		}
	}
	is := func(revision string) func(capacity.Pod) bool {
		return func(p capacity.Pod) bool { return p.Labels["revision"] == revision }
	}
	ground := c.Survey(capacity.Need{
		Demand: capacity.DemandOf(provenPod("", "new")), Replicas: provenNodes, Old: is("old"), Current: is("new"),
	})
	surge, inPlace := ground.Rolling(capacity.Bounds{Surge: 1}), ground.Rolling(capacity.Bounds{Unavailable: 1})
	if surge.Fits || !inPlace.Fits {
		return fmt.Errorf("a full cluster: with a surge %+v, in place %+v", surge, inPlace)
	}
	return nil
}

func provenCluster() (nodes, pods []map[string]any) {
	room := map[string]any{"nvidia.com/gpu": strconv.Itoa(provenPods), "cpu": "64", "memory": "512Gi", "pods": "110"}
	for i := range provenNodes {
		name := fmt.Sprintf("node-%d", i)
		nodes = append(nodes, map[string]any{
			"metadata": map[string]any{"name": name, "labels": map[string]any{"pool": "gpu"}},
			"spec":     map[string]any{"taints": []any{map[string]any{"key": "nvidia.com/gpu", "effect": "NoSchedule"}}},
			"status":   map[string]any{"allocatable": room},
		})
		for j := range provenPods {
			revision := "another release"
			if j == 0 {
				revision = "old"
			}
			pods = append(pods, provenPod(name, revision))
		}
	}
	return nodes, pods
}

func provenPod(node, revision string) map[string]any {
	return map[string]any{
		"metadata": map[string]any{"namespace": "models", "labels": map[string]any{"revision": revision}},
		"spec": map[string]any{
			"nodeName": node, "nodeSelector": map[string]any{"pool": "gpu"},
			"tolerations": []any{map[string]any{"key": "nvidia.com/gpu", "operator": "Exists"}},
			"containers": []any{map[string]any{"resources": map[string]any{
				"requests": map[string]any{"nvidia.com/gpu": "1", "cpu": "500m", "memory": "8Gi"},
			}}},
		},
	}
}
