package graph_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/graph"
)

// build makes a graph from "node: need need" lines, nodes first.
func build(t *testing.T, lines ...string) *graph.Graph {
	t.Helper()
	g := new(graph.Graph)
	for _, line := range lines {
		name, _, _ := strings.Cut(line, ":")
		g.Add(name)
	}
	for _, line := range lines {
		name, needs, _ := strings.Cut(line, ":")
		for _, need := range strings.Fields(needs) {
			if err := g.Connect(name, need); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g
}

func TestOrder(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"empty", nil, []string{}},
		{"one", []string{"a"}, []string{"a"}},
		{"keeps the order of independent nodes", []string{"c", "a", "b"}, []string{"c", "a", "b"}},
		{"chain against the order", []string{"a: b", "b: c", "c"}, []string{"c", "b", "a"}},
		{"diamond", []string{"d: b c", "b: a", "c: a", "a"}, []string{"a", "b", "c", "d"}},
		{"said twice", []string{"a: b b", "b"}, []string{"b", "a"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := build(t, tt.lines...).Order()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("order (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCycle(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		lines []string
		want  []string
	}{
		{"none", []string{"a: b", "b"}, nil},
		{"itself", []string{"a: a"}, []string{"a", "a"}},
		{"two", []string{"a: b", "b: a"}, []string{"a", "b", "a"}},
		{"starts at the first node of the cycle", []string{"x: c", "a: b", "b: c", "c: a"}, []string{"a", "b", "c", "a"}},
		{"away from what merely waits for it", []string{"tail: b", "b: c", "c: b", "free"}, []string{"b", "c", "b"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := build(t, tt.lines...)
			if diff := cmp.Diff(tt.want, g.Cycle()); diff != "" {
				t.Errorf("cycle (-want +got):\n%s", diff)
			}
			_, err := g.Order()
			var cycle *graph.CycleError
			if got := errors.As(err, &cycle); got != (tt.want != nil) {
				t.Errorf("Order() error = %v", err)
			}
			_, err = graph.Walk(g, 1, func(string, []graph.Need[int]) int { return 0 })
			if got := errors.As(err, &cycle); got != (tt.want != nil) {
				t.Errorf("Walk() error = %v", err)
			}
		})
	}
}

func TestCycleErrorShowsThePath(t *testing.T) {
	t.Parallel()
	_, err := build(t, "a: b", "b: a").Order()
	if want := "cycle: a needs b needs a"; err == nil || err.Error() != want {
		t.Errorf("error = %v, want %q", err, want)
	}
}

func TestNodes(t *testing.T) {
	t.Parallel()
	g := build(t, "c: b a", "b: a", "a")
	if g.Add("a") {
		t.Error("Add(a) = true for a node that is there")
	}
	if g.Len() != 3 || !g.Has("b") || g.Has("x") {
		t.Errorf("Len = %d, Has(b) = %t, Has(x) = %t", g.Len(), g.Has("b"), g.Has("x"))
	}
	if diff := cmp.Diff([]string{"b", "a"}, g.Needs("c")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"c", "b"}, g.Dependents("a")); diff != "" {
		t.Error(diff)
	}
	if g.Needs("x") != nil {
		t.Error("Needs of an unknown node is not nil")
	}
	var unknown *graph.UnknownNodeError
	if err := g.Connect("a", "x"); !errors.As(err, &unknown) || unknown.Name != "x" || unknown.NeededBy != "a" {
		t.Errorf("Connect(a, x) = %v", err)
	}
	if err := g.Connect("x", "a"); !errors.As(err, &unknown) || unknown.Name != "x" || unknown.NeededBy != "" {
		t.Errorf("Connect(x, a) = %v", err)
	}
}

// randomGraph has n nodes and only edges from later to earlier ones, added in a
// random order.
func randomGraph(t *testing.T, rng *rand.Rand, n int) *graph.Graph {
	t.Helper()
	g := new(graph.Graph)
	rank := rng.Perm(n)
	for _, i := range rng.Perm(n) {
		g.Add(fmt.Sprint(i))
	}
	for range rng.IntN(3*n + 1) {
		a, b := rng.IntN(n), rng.IntN(n)
		if rank[a] > rank[b] {
			if err := g.Connect(fmt.Sprint(a), fmt.Sprint(b)); err != nil {
				t.Fatal(err)
			}
		}
	}
	return g
}

func TestOrderOfRandomGraphs(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		n := 1 + rng.IntN(40)
		g := randomGraph(t, rng, n)
		order, err := g.Order()
		if err != nil || len(order) != n {
			t.Fatalf("seed %d: %d of %d nodes, %v", seed, len(order), n, err)
		}
		again, _ := g.Order()
		if !slices.Equal(order, again) {
			t.Fatalf("seed %d: the order is not deterministic", seed)
		}
		place := make(map[string]int)
		for i, name := range order {
			place[name] = i
		}
		for _, name := range order {
			for _, need := range g.Needs(name) {
				if place[need] > place[name] {
					t.Fatalf("seed %d: %s before its need %s", seed, name, need)
				}
			}
		}
	}
}

func TestTenThousandNodes(t *testing.T) {
	t.Parallel()
	shapes := map[string]func(g *graph.Graph, i int) error{
		"chain":  func(g *graph.Graph, i int) error { return g.Connect(fmt.Sprint(i), fmt.Sprint(i-1)) },
		"fan in": func(g *graph.Graph, i int) error { return g.Connect("0", fmt.Sprint(i)) },
	}
	for name, connect := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := new(graph.Graph)
			for i := range 10_000 {
				g.Add(fmt.Sprint(i))
			}
			for i := 1; i < 10_000; i++ {
				if err := connect(g, i); err != nil {
					t.Fatal(err)
				}
			}
			start := time.Now()
			results, err := graph.Walk(g, 8, func(_ string, needs []graph.Need[int]) int { return len(needs) })
			if err != nil || len(results) != 10_000 {
				t.Fatalf("%d results, %v", len(results), err)
			}
			// Generous: quadratic behaviour takes minutes.
			if took := time.Since(start); took > 5*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}
