package graph_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/graph"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWalkTellsDependentsWhy(t *testing.T) {
	t.Parallel()
	g := build(t, "deploy: test", "test: build", "build", "docs")
	why, err := graph.Walk(g, 2, func(name string, needs []graph.Need[string]) string {
		for _, need := range needs {
			if need.Result != "" {
				return need.Result
			}
		}
		if name == "build" {
			return "build failed"
		}
		return ""
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"build failed", "build failed", "build failed", ""}
	if diff := cmp.Diff(want, why); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
}

func TestWalkOneAtATimeIsDeterministic(t *testing.T) {
	t.Parallel()
	g := build(t, "d: b c", "c: a", "b: a", "a", "e")
	want, err := g.Order()
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 0, -3} {
		var got []string
		if _, err := graph.Walk(g, limit, func(name string, _ []graph.Need[int]) int {
			got = append(got, name)
			return 0
		}); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("limit %d (-want +got):\n%s", limit, diff)
		}
	}
}

func TestWalkUsesTheWholeLimit(t *testing.T) {
	t.Parallel()
	g := build(t, "a", "b", "c")
	var met sync.WaitGroup
	met.Add(3)
	if _, err := graph.Walk(g, 3, func(string, []graph.Need[int]) int {
		met.Done()
		met.Wait() // returns only when all three run at the same time
		return 0
	}); err != nil {
		t.Fatal(err)
	}
}

func TestWalkOfNothing(t *testing.T) {
	t.Parallel()
	results, err := graph.Walk(new(graph.Graph), 4, func(string, []graph.Need[int]) int { return 1 })
	if err != nil || len(results) != 0 {
		t.Errorf("Walk = %v, %v", results, err)
	}
}

func TestWalkOfRandomGraphs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 2))
		n, limit := 1+rng.IntN(60), 1+rng.IntN(6)
		g := randomGraph(t, rng, n)
		var running, most, visits atomic.Int64
		visited := new(sync.Map)
		_, err := graph.Walk(g, limit, func(name string, needs []graph.Need[string]) string {
			for now := running.Add(1); ; {
				seen := most.Load()
				if now <= seen || most.CompareAndSwap(seen, now) {
					break
				}
			}
			defer running.Add(-1)
			visits.Add(1)
			for _, need := range needs {
				if _, ok := visited.Load(need.Name); !ok || need.Result != need.Name {
					t.Errorf("seed %d: %s before its need %s (%q)", seed, name, need.Name, need.Result)
				}
			}
			if len(needs) != len(g.Needs(name)) {
				t.Errorf("seed %d: %s was told of %d needs", seed, name, len(needs))
			}
			if _, twice := visited.LoadOrStore(name, true); twice {
				t.Errorf("seed %d: %s twice", seed, name)
			}
			return name
		})
		if err != nil || visits.Load() != int64(n) || most.Load() > int64(limit) {
			t.Fatalf("seed %d: %d visits of %d nodes, %d at once, limit %d, %v", seed, visits.Load(), n, most.Load(), limit, err)
		}
	}
}

// A visit that waits takes nobody's room, and gets room again before a new one
// starts.
func TestWalkPausing(t *testing.T) {
	t.Parallel()
	g := build(t, "a", "b", "c")
	opened := make(chan struct{})
	var order []string // one visit at a time: limit is 1
	if _, err := graph.WalkPausing(g, 1, func(turn graph.Turn, name string, _ []graph.Need[int]) int {
		order = append(order, name)
		switch name {
		case "a":
			turn.Pause(func() { <-opened })
			order = append(order, "a again")
		case "b":
			close(opened)
		}
		return 0
	}); err != nil {
		t.Fatal(err)
	}
	if len(order) != 4 || order[0] != "a" || order[1] != "b" {
		t.Errorf("order = %v", order)
	}
}

func TestWalkPausingKeepsTheLimit(t *testing.T) {
	t.Parallel()
	const nodes, limit = 50, 3
	g := new(graph.Graph)
	for i := range nodes {
		g.Add(string(rune('A' + i)))
	}
	var running, most atomic.Int32
	work := func() {
		n := running.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		running.Add(-1)
	}
	var all sync.WaitGroup
	all.Add(nodes)
	if _, err := graph.WalkPausing(g, limit, func(turn graph.Turn, _ string, _ []graph.Need[int]) int {
		work()
		turn.Pause(func() { // until all of them wait
			all.Done()
			all.Wait()
		})
		work()
		return 0
	}); err != nil {
		t.Fatal(err)
	}
	if most.Load() > limit {
		t.Errorf("%d at the same time, with a limit of %d", most.Load(), limit)
	}
}
