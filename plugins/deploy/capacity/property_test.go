package capacity_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stagegate/stagegate/plugins/deploy/capacity"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// game is a small cluster in which everything that the scheduler and the
// controllers could choose is tried.
type game struct {
	nodes             []int64 // accelerators that are free on each
	old               []int   // old pods on each
	oldNeeds, needs   int64
	replicas          int
	bounds            capacity.Bounds
	quota             int64 // of accelerators that are left, -1 for none
	quotaHard, quotaU int64
	seen              map[string]bool
}

// sticks reports whether there is an order of events in which the update stands
// still, or is refused a pod, before it has come to its end.
func (g *game) sticks(free []int64, old []int, placed, made int, quota int64) bool {
	key := fmt.Sprint(free, old, placed, made, quota)
	if g.seen[key] {
		return false
	}
	g.seen[key] = true
	left := 0
	for _, n := range old {
		left += n
	}
	// The controller makes all that it may, at once.
	for made < g.replicas && made+left < g.replicas+g.bounds.Surge {
		if g.quota >= 0 && quota < g.needs {
			return true
		}
		made, quota = made+1, quota-g.needs
	}
	if placed == g.replicas {
		return false
	}
	moved := false
	if made > placed {
		for i := range free {
			if free[i] < g.needs {
				continue
			}
			moved = true
			next := append([]int64(nil), free...)
			next[i] -= g.needs
			if g.sticks(next, old, placed+1, made, quota) {
				return true
			}
		}
	}
	if left > max(g.replicas-g.bounds.Unavailable-placed, 0) {
		for i := range old {
			if old[i] == 0 {
				continue
			}
			moved = true
			fewer, next := append([]int(nil), old...), append([]int64(nil), free...)
			fewer[i]--
			next[i] += g.oldNeeds
			if g.sticks(next, fewer, placed, made, quota+g.oldNeeds) {
				return true
			}
		}
	}
	return !moved
}

func (g *game) ground() *capacity.Ground {
	var nodes, pods, quotas []kube.Object
	for i, free := range g.nodes {
		name := string(rune('a' + i))
		nodes = append(nodes, node(name, free+int64(g.old[i])*g.oldNeeds, nil))
		for range g.old[i] {
			pods = append(pods, pod(name, "old", g.oldNeeds))
		}
	}
	if g.quota >= 0 {
		quotas = append(quotas, kube.Object{"metadata": map[string]any{"name": "q"}, "status": map[string]any{
			"hard": map[string]any{"requests." + gpu: g.quotaHard}, "used": map[string]any{"requests." + gpu: g.quotaU},
		}})
	}
	return clusterOf(nodes, pods, quotas).Survey(need(demand(g.needs, nil), g.replicas))
}

// What the proof allows never stands still, whatever happens, and what it
// refuses can: the two agree on every small cluster that was tried.
func TestTheProofAgreesWithEveryOrderOfEvents(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	fits := 0
	const rounds = 4000
	for range rounds {
		g := &game{
			oldNeeds: random.Int64N(3) + 1, needs: random.Int64N(3) + 1, replicas: random.IntN(4) + 1,
			quota: -1, seen: make(map[string]bool),
		}
		for range random.IntN(3) + 1 {
			g.nodes = append(g.nodes, random.Int64N(4))
			g.old = append(g.old, random.IntN(3))
		}
		g.bounds = capacity.Bounds{Surge: random.IntN(3), Unavailable: random.IntN(2)}
		if g.bounds == (capacity.Bounds{}) {
			g.bounds.Surge = 1
		}
		held := 0
		for _, n := range g.old {
			held += n
		}
		if random.IntN(3) == 0 {
			g.quota, g.quotaU = random.Int64N(8), int64(held)*g.oldNeeds
			g.quotaHard = g.quota + g.quotaU
		}
		if held == 0 {
			g.bounds = capacity.Bounds{Surge: 1} // the bounds do not matter then
		}
		want := !g.sticks(g.nodes, g.old, 0, 0, g.quota)
		got := g.ground().Rolling(g.bounds)
		if got.Fits != want {
			t.Fatalf("%+v: the proof says %+v, and trying everything says %v", *g, got, want)
		}
		if want {
			fits++
		}
	}
	if fits < rounds/10 || fits > rounds*9/10 {
		t.Errorf("%d of %d fit: the clusters are no good for a test", fits, rounds)
	}
}

// pack tries every way to put pods on nodes.
func pack(free []int64, needs int64, left int) bool {
	if left == 0 {
		return true
	}
	for i := range free {
		if free[i] >= needs {
			free[i] -= needs
			ok := pack(free, needs, left-1)
			free[i] += needs
			if ok {
				return true
			}
		}
	}
	return false
}

func TestSeatsAgreeWithEveryPacking(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		needs, replicas := random.Int64N(4)+1, random.IntN(6)+1
		free := make([]int64, random.IntN(4)+1)
		var nodes []kube.Object
		for i := range free {
			free[i] = random.Int64N(9)
			nodes = append(nodes, node(string(rune('a'+i)), free[i], nil))
		}
		want := pack(free, needs, replicas)
		if got := clusterOf(nodes, nil, nil).Survey(need(demand(needs, nil), replicas)).Beside(); got.Fits != want {
			t.Fatalf("%v free, %d pods of %d: %+v, want %v", free, replicas, needs, got, want)
		}
	}
}

// What can only be proven for the worst of several sizes is never promised
// wrongly.
func TestOldPodsOfSeveralSizes(t *testing.T) {
	t.Parallel()
	g := clusterOf(list(node("a", 4, nil)), list(pod("a", "old", 1), pod("a", "old", 3)), nil).Survey(need(demand(2, nil), 2))
	if a := g.Rolling(inPlace); a.Fits {
		t.Error("the small one may be the one to go")
	}
	if a := g.Rolling(capacity.Bounds{Unavailable: 2}); !a.Fits {
		t.Errorf("both may go at once: %+v", a)
	}
}

func BenchmarkAThousandNodes(b *testing.B) {
	var nodes, pods []kube.Object
	for i := range 1000 {
		name := fmt.Sprintf("n%d", i)
		nodes = append(nodes, node(name, 8, nil))
		for range 8 {
			pods = append(pods, pod(name, "other", 1))
		}
		pods = append(pods, pod(name, "old", 0))
	}
	for b.Loop() {
		g := clusterOf(nodes, pods, nil).Survey(need(demand(1, nil), 1000))
		_, _ = g.Rolling(surge), g.Rolling(inPlace)
	}
}
