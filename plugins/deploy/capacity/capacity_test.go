package capacity_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/deploy/capacity"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

const gpu = "nvidia.com/gpu"

func node(name string, gpus int64, extra map[string]any) kube.Object {
	o := kube.Object{
		"metadata": map[string]any{"name": name, "labels": map[string]any{"name": name, "zone": name[:1]}},
		"spec":     map[string]any{"taints": []any{map[string]any{"key": gpu, "effect": "NoSchedule"}}},
		"status":   map[string]any{"allocatable": map[string]any{gpu: gpus, "cpu": "8", "memory": "32Gi", "pods": "110", "hugepages-2Mi": "0"}},
	}
	for key, v := range extra {
		spec, _ := o["spec"].(map[string]any)
		spec[key] = v
	}
	return o
}

func pod(node, revision string, gpus int64) kube.Object {
	return kube.Object{
		"metadata": map[string]any{"namespace": "n", "name": "p", "labels": map[string]any{"app": "digits", "revision": revision}},
		"spec":     map[string]any{"nodeName": node, "containers": []any{asks(gpus)}},
		"status":   map[string]any{"phase": "Running"},
	}
}

func asks(gpus int64) map[string]any {
	return map[string]any{"resources": map[string]any{"limits": map[string]any{gpu: gpus, "cpu": "500m"}}}
}

func demand(gpus int64, spec map[string]any) capacity.Demand {
	full := map[string]any{
		"containers":  []any{asks(gpus)},
		"tolerations": []any{map[string]any{"key": gpu, "operator": "Exists", "effect": "NoSchedule"}},
	}
	for k, v := range spec {
		full[k] = v
	}
	return capacity.DemandOf(kube.Object{
		"metadata": map[string]any{"namespace": "n", "labels": map[string]any{"app": "digits", "revision": "new"}}, "spec": full,
	})
}

func clusterOf(nodes, pods, quotas []kube.Object) capacity.Cluster {
	var c capacity.Cluster
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
	return c
}

func need(d capacity.Demand, replicas int) capacity.Need {
	is := func(revision string) func(capacity.Pod) bool {
		return func(p capacity.Pod) bool { return p.Labels["app"] == "digits" && p.Labels["revision"] == revision }
	}
	return capacity.Need{Demand: d, Replicas: replicas, Old: is("old"), Current: is("new")}
}

func list(o ...kube.Object) []kube.Object { return o }

var (
	surge   = capacity.Bounds{Surge: 1}
	inPlace = capacity.Bounds{Unavailable: 1}
)

func TestAFullClusterIsUpdatedInPlace(t *testing.T) {
	t.Parallel()
	g := clusterOf(list(node("a", 4, nil), node("b", 4, nil)),
		list(pod("a", "old", 2), pod("a", "old", 2), pod("b", "old", 2), pod("b", "old", 2)), nil).
		Survey(need(demand(2, nil), 4))
	if a := g.Rolling(surge); a.Fits || a.Why != "pod 1 of 4 finds no seat when all old pods are still there" {
		t.Errorf("with a surge: %+v", a)
	}
	if a := g.Rolling(inPlace); !a.Fits {
		t.Errorf("in place: %+v", a)
	}
	if a := g.Beside(); a.Fits || a.Why != "4 more pods need a node, and there are 0 seats there now" {
		t.Errorf("beside: %+v", a)
	}
	want := []string{
		"each pod needs 2 nvidia.com/gpu, cpu 500m",
		"4 pods wanted, 0 there, 4 of another revision to be replaced",
		"2 of 2 nodes may take them",
		"seats: 0 now, 4 once the old pods are gone: a 0 of 4 free, b 0 of 4 free",
	}
	if diff := cmp.Diff(want, g.Arithmetic()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Eight free accelerators in pieces hold no pod of four.
func TestPiecesDoNotAddUp(t *testing.T) {
	t.Parallel()
	var nodes, pods []kube.Object
	for _, name := range []string{"a", "b", "c", "d"} {
		nodes = append(nodes, node(name, 8, nil))
		pods = append(pods, pod(name, "other", 6))
	}
	if a := clusterOf(nodes, pods, nil).Survey(need(demand(4, nil), 1)).Beside(); a.Fits {
		t.Error("a pod of 4 fits in pieces of 2")
	}
}

// Larger pods fit in place only if two of one node go: nobody can promise that.
func TestWhatDependsOnTheOrderIsNotPromised(t *testing.T) {
	t.Parallel()
	g := clusterOf(list(node("a", 4, nil), node("b", 4, nil)),
		list(pod("a", "old", 2), pod("a", "old", 2), pod("b", "old", 2), pod("b", "old", 2)), nil).
		Survey(need(demand(4, nil), 2))
	if a := g.After(); !a.Fits {
		t.Errorf("after: %+v", a)
	}
	a := g.Rolling(capacity.Bounds{Unavailable: 0, Surge: 1})
	if a.Fits || !strings.Contains(a.Why, "pod 1 of 2 finds no seat when 2 old pods are gone, unless the right ones went") {
		t.Errorf("got %+v", a)
	}
}

func TestNodesThatDoNotCount(t *testing.T) {
	t.Parallel()
	down := node("d", 8, nil)
	down["status"].(map[string]any)["conditions"] = []any{map[string]any{"type": "Ready", "status": "Unknown"}}
	nodes := list(
		node("a", 8, map[string]any{"unschedulable": true}),
		node("b", 8, map[string]any{"taints": []any{map[string]any{"key": "team", "value": "x", "effect": "NoExecute"}}}),
		node("c", 8, nil), down,
	)
	in := func(op string, values ...any) map[string]any {
		return map[string]any{"nodeAffinity": map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": map[string]any{
			"nodeSelectorTerms": []any{map[string]any{"matchExpressions": []any{map[string]any{"key": "name", "operator": op, "values": values}}}},
		}}}
	}
	for name, c := range map[string]struct {
		spec map[string]any
		line string
		fits bool
	}{
		"one is left":          {nil, "1 of 4 nodes may take them: 1 cordoned, 1 not ready, 1 tainted with team", true},
		"affinity":             {map[string]any{"affinity": in("NotIn", "c")}, "0 of 4 nodes may take them: 1 cordoned, 1 not picked by the node selector, 1 not ready, 1 tainted with team", false},
		"selector":             {map[string]any{"nodeSelector": map[string]any{"name": "c"}}, "1 of 4 nodes may take them: 3 not picked by the node selector", true},
		"one that tolerates":   {map[string]any{"tolerations": []any{map[string]any{"operator": "Exists"}}}, "2 of 4 nodes may take them: 1 cordoned, 1 not ready", true},
		"affinity by name":     {map[string]any{"affinity": in("In", "c", "a")}, "1 of 4 nodes may take them: 2 not picked by the node selector, 1 cordoned", true},
		"another's toleration": {map[string]any{"tolerations": []any{map[string]any{"key": "team", "value": "y"}}}, "0 of 4 nodes may take them: 1 cordoned, 1 not ready, 1 tainted with nvidia.com/gpu, 1 tainted with team", false},
	} {
		g := clusterOf(nodes, nil, nil).Survey(need(demand(1, c.spec), 1))
		if a := g.Beside(); a.Fits != c.fits {
			t.Errorf("%s: %+v", name, a)
		}
		if got := g.Arithmetic()[2]; got != c.line {
			t.Errorf("%s: got %q, want %q", name, got, c.line)
		}
	}
}

func TestWhatPodsHold(t *testing.T) {
	t.Parallel()
	sidecar, first := asks(1), asks(4)
	sidecar["restartPolicy"] = "Always"
	ending := pod("a", "old", 2)
	ending["metadata"].(map[string]any)["deletionTimestamp"] = "2026-01-01T00:00:00Z"
	ended := pod("a", "old", 8)
	ended["status"] = map[string]any{"phase": "Succeeded"}
	greedy := pod("b", "old", 1)
	// The sidecar runs beside the init container, and stays.
	greedy["spec"] = map[string]any{"nodeName": "b", "containers": []any{asks(1)}, "initContainers": []any{sidecar, first}}
	c := clusterOf(list(node("a", 8, nil), node("b", 8, nil)), list(ending, ended, greedy, pod("", "old", 8)), nil)
	want := []capacity.Room{
		{Node: "a", Resource: gpu, Allocatable: 8, Free: 6},
		{Node: "b", Resource: gpu, Allocatable: 8, Free: 3},
	}
	if diff := cmp.Diff(want, c.Rooms(gpu, nil)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if only := c.Rooms(gpu, map[string]string{"name": "a"}); len(only) != 1 || only[0].Node != "a" {
		t.Errorf("the selector picks %v", only)
	}
	if names := c.Extended(); !cmp.Equal(names, []string{gpu}) {
		t.Errorf("extended resources %v", names)
	}
	g := c.Survey(need(demand(1, nil), 1))
	if !g.Waits() || !strings.Contains(strings.Join(g.Arithmetic(), "\n"), "2 nvidia.com/gpu still held by pods that are ending") {
		t.Errorf("got %v", g.Arithmetic())
	}
}

func TestQuotas(t *testing.T) {
	t.Parallel()
	quota := func(spec map[string]any, hard, used map[string]any) kube.Object {
		return kube.Object{"metadata": map[string]any{"name": "q"}, "spec": spec, "status": map[string]any{"hard": hard, "used": used}}
	}
	gpus := func(n any) map[string]any { return map[string]any{"requests." + gpu: n} }
	full := quota(nil, gpus("4"), gpus("4"))
	old := list(pod("a", "old", 2), pod("a", "old", 2))
	for name, c := range map[string]struct {
		quota  kube.Object
		surge  bool
		inside bool
	}{
		"of others":          {quota(map[string]any{"scopes": []any{"Terminating"}}, gpus("0"), nil), true, true},
		"of another class":   {quota(map[string]any{"scopeSelector": map[string]any{"matchExpressions": []any{map[string]any{"scopeName": "PriorityClass", "operator": "In", "values": []any{"high"}}}}}, gpus("0"), nil), true, true},
		"of what asks none":  {quota(map[string]any{"scopes": []any{"BestEffort"}}, map[string]any{"pods": "0"}, nil), true, true},
		"full":               {full, false, true},
		"full by processor":  {quota(nil, map[string]any{"limits.cpu": "1100m"}, map[string]any{"limits.cpu": "1"}), false, true},
		"one more":           {quota(nil, map[string]any{"pods": "3"}, map[string]any{"pods": "2"}), true, true},
		"smaller than usage": {quota(nil, gpus("2"), gpus("4")), false, false},
	} {
		g := clusterOf(list(node("a", 8, nil)), old, list(c.quota)).Survey(need(demand(2, nil), 2))
		if a := g.Rolling(surge); a.Fits != c.surge {
			t.Errorf("%s: with a surge: %+v", name, a)
		}
		if a := g.Rolling(inPlace); a.Fits != c.inside {
			t.Errorf("%s: in place: %+v", name, a)
		}
	}
	g := clusterOf(list(node("a", 8, nil)), old, list(full)).Survey(need(demand(2, nil), 2))
	if want := "pod 1 of 2 would be refused when all old pods are still there (quota q: 4 of 4 requests.nvidia.com/gpu used, and each pod needs 2)"; g.Rolling(surge).Why != want {
		t.Errorf("got %q, want %q", g.Rolling(surge).Why, want)
	}
}

func TestASpreadLimitsTheSeats(t *testing.T) {
	t.Parallel()
	constraint := func(more map[string]any) map[string]any {
		c := map[string]any{
			"topologyKey": "zone", "maxSkew": int64(1), "whenUnsatisfiable": "DoNotSchedule",
			"labelSelector": map[string]any{"matchLabels": map[string]any{"app": "digits"}}, "matchLabelKeys": []any{"revision"},
		}
		for k, v := range more {
			c[k] = v
		}
		return map[string]any{"topologySpreadConstraints": []any{c}}
	}
	nodes := list(node("a1", 8, nil), node("a2", 8, nil), node("b1", 1, nil))
	for name, c := range map[string]struct {
		spec map[string]any
		pods []kube.Object
		most int
	}{
		"even":                     {constraint(nil), nil, 3},
		"wider":                    {constraint(map[string]any{"maxSkew": int64(3)}), nil, 5},
		"only wished for":          {constraint(map[string]any{"whenUnsatisfiable": "ScheduleAnyway"}), nil, 17},
		"a zone that is not there": {constraint(map[string]any{"minDomains": int64(3)}), nil, 2},
		"others count too":         {constraint(map[string]any{"matchLabelKeys": nil}), list(pod("a1", "old", 1)), 2},
	} {
		for replicas := 1; replicas <= 18; replicas++ {
			a := clusterOf(nodes, c.pods, nil).Survey(need(demand(1, c.spec), replicas)).Beside()
			if want := replicas <= c.most; a.Fits != want {
				t.Errorf("%s: %d pods: %+v, want %v", name, replicas, a, want)
			}
		}
	}
}

func TestWhatIsNotProvenIsSaid(t *testing.T) {
	t.Parallel()
	hard := map[string]any{"requiredDuringSchedulingIgnoredDuringExecution": []any{map[string]any{"topologyKey": "zone"}}}
	d := demand(1, map[string]any{"affinity": map[string]any{"podAntiAffinity": hard}, "resourceClaims": []any{map[string]any{"name": "x"}}})
	lines := clusterOf(list(node("a", 8, nil)), nil, nil).Survey(need(d, 1)).Arithmetic()
	if got, want := lines[len(lines)-1], "not looked at: required podAntiAffinity, resource claims"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		surge, unavailable string
		want               capacity.Bounds
	}{
		{"25%", "25%", capacity.Bounds{Surge: 1, Unavailable: 0}},
		{"0", "10%", capacity.Bounds{Unavailable: 1}},
		{"2", "100%", capacity.Bounds{Surge: 2, Unavailable: 3}},
	} {
		if got := capacity.BoundsOf(c.surge, c.unavailable, 3); got != c.want {
			t.Errorf("%s, %s: got %+v, want %+v", c.surge, c.unavailable, got, c.want)
		}
	}
}

func TestDescribeIsBounded(t *testing.T) {
	t.Parallel()
	var rooms []capacity.Room
	for range 1000 {
		rooms = append(rooms, capacity.Room{Node: "n", Resource: gpu, Allocatable: 8, Free: 1})
	}
	if got := capacity.Describe(rooms); !strings.HasSuffix(got, "and 990 more nodes with at most 1 free") {
		t.Errorf("got %s", got)
	}
	rooms = []capacity.Room{{Node: "a", Resource: gpu, Allocatable: 4, Free: 2}, {Node: "b", Resource: gpu, Allocatable: 8, Free: 3, Cordoned: true}}
	if got, want := capacity.Describe(rooms), "b 3 of 8 free (cordoned), a 2 of 4 free"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestIsExtended(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		gpu: true, "amd.com/gpu": true, "nvidia.com/mig-1g.5gb": true,
		"cpu": false, "hugepages-2Mi": false, "kubernetes.io/x": false, "a.kubernetes.io/x": false,
	} {
		if got := capacity.IsExtended(name); got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}
