package graphview_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/stagegate/stagegate/core/graphview"
)

// digits is the graph of the example of that name, with a run or without.
func digits(inRun bool) graphview.Graph {
	node := func(name, uses, kind string) graphview.Node {
		return graphview.Node{Name: name, Label: name, Uses: uses, Kind: kind}
	}
	edge := func(from, to string, relation graphview.Relation) graphview.Edge {
		return graphview.Edge{From: from, To: to, Relation: relation}
	}
	g := graphview.Graph{Name: "digits", Subtitle: "7 stages", Nodes: []graphview.Node{
		node("train", "build.command", "builder"), node("weights", "build.model", "builder"),
		node("server", "build.command", "builder"), node("image", "build.image", "builder"),
		node("accuracy", "test.eval", "tester"), node("compliance", "policy.opa", "policy"), node("serve", "deploy.kubernetes", "deployer"),
	}, Edges: []graphview.Edge{
		edge("train", "weights", graphview.Needs), edge("server", "image", graphview.Needs), edge("weights", "accuracy", graphview.Needs),
		edge("train", "accuracy", graphview.Needs), edge("server", "accuracy", graphview.Needs), edge("accuracy", "compliance", graphview.Needs),
		edge("weights", "compliance", graphview.Waits), edge("image", "compliance", graphview.Waits), edge("weights", "serve", graphview.Needs),
		edge("image", "serve", graphview.Needs), edge("compliance", "serve", graphview.Needs), edge("compliance", "serve", graphview.Governs),
	}}
	g.Nodes[6].Notes = []string{"judged by the operator's policies and compliance"}
	if inRun {
		for i := range g.Nodes {
			g.Nodes[i].Status = []string{"succeeded", "denied", "succeeded", "running", "failed", "skipped", "cancelled"}[i]
			g.Nodes[i].Took = fmt.Sprintf("%d.2s", i)
		}
	}
	return g
}

// modules has modules in modules, and instances.
func modules() graphview.Graph {
	g := graphview.Graph{Name: "release", Subtitle: "13 stages"}
	add := func(path, label, uses, kind string, needs ...string) {
		n := graphview.Node{Name: path + label, Label: label, Uses: uses, Kind: kind}
		for at, rest := range []string{"module.staging.", "module.production."} {
			if len(path) >= len(rest) && path[:len(rest)] == rest {
				n.Groups = []string{[]string{"module.staging", "module.production"}[at]}
				if len(path) > len(rest)+6 {
					n.Groups = append(n.Groups, "module.canary")
				}
			}
		}
		g.Nodes = append(g.Nodes, n)
		for _, need := range needs {
			g.Edges = append(g.Edges, graphview.Edge{From: need, To: n.Name, Relation: graphview.Needs})
		}
	}
	add("", "data", "build.command", "builder")
	for _, k := range []string{"a", "b", "c"} {
		add("", fmt.Sprintf("train[%q]", k), "build.command", "builder", "data")
		add("", fmt.Sprintf("pack[%q]", k), "build.model", "builder", fmt.Sprintf("train[%q]", k))
	}
	for _, m := range []string{"module.staging.", "module.production."} {
		add(m+"stage.", "measure", "test.eval", "tester", `pack["a"]`, `pack["b"]`, `pack["c"]`)
		add(m+"stage.", "rules", "policy.opa", "policy", m+"stage.measure")
		in := m + "module.canary.stage."
		add(in, "serve", "deploy.kubernetes", "deployer", m+"stage.rules", `pack["a"]`)
		add(in, "watch", "test.command", "tester", in+"serve")
		add(m+"stage.", "serve", "deploy.kubernetes", "deployer", in+"watch")
		g.Edges = append(g.Edges, graphview.Edge{From: m + "stage.rules", To: in + "serve", Relation: graphview.Governs})
	}
	add("", "notify", "build.command", "builder", "module.staging.stage.serve", "module.production.stage.serve")
	return g
}

// random has n stages and needs among neighbours.
func random(n int, seed uint64) graphview.Graph {
	rng := rand.New(rand.NewPCG(seed, 7))
	g := graphview.Graph{Name: "random", Subtitle: fmt.Sprintf("%d stages", n)}
	kinds := []string{"builder", "tester", "policy", "deployer"}
	for i := range n {
		name := fmt.Sprintf("stage_%d", i)
		g.Nodes = append(g.Nodes, graphview.Node{Name: name, Label: name, Uses: "fake." + kinds[i%4], Kind: kinds[i%4]})
		for range rng.IntN(3) {
			if i > 0 {
				need := fmt.Sprintf("stage_%d", max(0, i-1-rng.IntN(12)))
				g.Edges = append(g.Edges, graphview.Edge{From: need, To: name, Relation: graphview.Needs})
			}
		}
	}
	return g
}
