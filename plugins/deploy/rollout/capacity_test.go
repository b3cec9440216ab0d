package rollout_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

const gpu = "nvidia.com/gpu"

func node(t *testing.T, name, quantity string, cordoned bool) rollout.Node {
	t.Helper()
	return decode[rollout.Node](t, kube.Object{
		"metadata": map[string]any{"name": name, "labels": map[string]any{"name": name}},
		"spec":     map[string]any{"unschedulable": cordoned},
		"status":   map[string]any{"allocatable": map[string]any{gpu: quantity, "cpu": "8", "hugepages-2Mi": "0"}},
	})
}

func bound(t *testing.T, node, phase string, spec map[string]any) rollout.Pod {
	t.Helper()
	spec["nodeName"] = node
	return decode[rollout.Pod](t, kube.Object{"spec": spec, "status": map[string]any{"phase": phase}})
}

func asks(n string) map[string]any {
	return map[string]any{"resources": map[string]any{"requests": map[string]any{gpu: n}}}
}

func TestRooms(t *testing.T) {
	t.Parallel()
	nodes := []rollout.Node{node(t, "b", "8", true), node(t, "a", "4", false), node(t, "c", "0", false)}
	sidecar := asks("1")
	sidecar["restartPolicy"] = "Always"
	pods := []rollout.Pod{
		bound(t, "a", "Running", map[string]any{"containers": []any{asks("1"), asks("1")}}),
		bound(t, "a", "Succeeded", map[string]any{"containers": []any{asks("2")}}),
		bound(t, "", "Pending", map[string]any{"containers": []any{asks("4")}}),
		// Its init container asks for more than the rest of it, and ran alone.
		bound(t, "b", "Running", map[string]any{"containers": []any{asks("2")}, "initContainers": []any{asks("3")}}),
		bound(t, "b", "Running", map[string]any{"containers": []any{asks("1")}, "initContainers": []any{sidecar}}),
	}
	want := []rollout.Room{
		{Node: "a", Resource: gpu, Allocatable: 4, Free: 2},
		{Node: "b", Resource: gpu, Allocatable: 8, Free: 3, Cordoned: true},
	}
	got := rollout.Rooms(nodes, pods, gpu, nil)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if text, want := rollout.Describe(got), "b 3 of 8 free (cordoned), a 2 of 4 free"; text != want {
		t.Errorf("got %q, want %q", text, want)
	}
	if n := rollout.Largest(got); n != 8 {
		t.Errorf("largest %d, want 8", n)
	}
	if n := rollout.Seats(got, 3); n != 3 { // one on a, two on b: not the 4 of 12 divided by 3
		t.Errorf("seats %d, want 3", n)
	}
	if only := rollout.Rooms(nodes, nil, gpu, map[string]string{"name": "a"}); len(only) != 1 || only[0].Node != "a" {
		t.Errorf("the selector picks %v", only)
	}
	if names := rollout.Extended(nodes); !cmp.Equal(names, []string{gpu}) {
		t.Errorf("extended resources %v", names)
	}
}

func TestDescribeIsBounded(t *testing.T) {
	t.Parallel()
	var rooms []rollout.Room
	for range 1000 {
		rooms = append(rooms, rollout.Room{Node: "n", Allocatable: 8, Free: 1})
	}
	if got := rollout.Describe(rooms); !strings.HasSuffix(got, "and 990 more nodes with at most 1 free") {
		t.Errorf("got %s", got)
	}
}

func TestIsExtended(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		gpu: true, "amd.com/gpu": true, "nvidia.com/mig-1g.5gb": true,
		"cpu": false, "hugepages-2Mi": false, "kubernetes.io/x": false, "a.kubernetes.io/x": false,
	} {
		if got := rollout.IsExtended(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
