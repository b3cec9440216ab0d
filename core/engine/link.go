package engine

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/graph"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// linked is a pipeline as it will be walked.
type linked struct {
	pipeline *pipeline.Pipeline
	graph    *graph.Graph
	stages   map[string]*stage
}

// stage is a stage and its place in the gate.
type stage struct {
	*pipeline.Stage
	kind pluginv1.Kind
	// governs are the deployer stages whose plans a policy stage judges.
	governs []*stage
	// governors are the policy stages that judge a deployer stage's plan.
	governors []*stage
	// turn is the stage's place among those that run at the same time.
	turn graph.Turn
	// left gives up its concurrency group; nil while it is in none.
	left func() error
	// after is a stage before it that changes something outside, if there is one.
	after string
	// wait and waitFor are what it waits for, and asked is the plan for which it
	// has asked for approvals.
	wait    *event.Wait
	waitFor string
	asked   *event.Plan
}

// Check says what is wrong with the order of a pipeline's stages. Run refuses a
// pipeline for which it gives errors.
func Check(p *pipeline.Pipeline) diag.List {
	_, diags := link(p)
	return diags
}

// link builds the graph. A policy stage judges the plans of the deployer stages
// that need it, directly or through other policy stages; a plan can be made
// only when everything else that the deployer needs is there, so the policy
// stage waits for that too.
func link(p *pipeline.Pipeline) (*linked, diag.List) {
	l := &linked{pipeline: p, graph: new(graph.Graph), stages: make(map[string]*stage, len(p.Stages))}
	var diags diag.List
	for _, s := range p.Stages {
		if !l.graph.Add(s.Name) {
			diags.Append(&s.Range, fmt.Sprintf("stage %q is defined twice", s.Name), "Give one of them another name.")
			continue
		}
		l.stages[s.Name] = &stage{Stage: s, kind: s.Schema.GetKind()}
	}
	for _, s := range p.Stages {
		for _, need := range s.Needs {
			if err := l.graph.Connect(s.Name, need); err != nil {
				diags.Append(&s.Range, fmt.Sprintf("stage %q needs %q, which is not there", s.Name, need), "Define that stage, or take it out of needs.")
			}
		}
	}
	if diags.HasErrors() {
		return nil, diags
	}
	if cycle := l.graph.Cycle(); cycle != nil {
		diags.Append(&l.stages[cycle[0]].Range, "stages wait for each other",
			path(cycle)+". Take one of these needs, or the reference behind it, away.")
		return nil, diags
	}
	l.govern()
	if cycle := l.graph.Cycle(); cycle != nil {
		diags = append(diags, l.explain(cycle))
		return nil, diags
	}
	l.changesOutside()
	return l, diags
}

// govern finds out which policy stage judges which deployer stage, and makes
// the former wait for the rest of what the latter needs.
func (l *linked) govern() {
	for _, s := range l.pipeline.Stages {
		d := l.stages[s.Name]
		if d.kind != pluginv1.Kind_KIND_DEPLOYER {
			continue
		}
		mine := make(map[string]bool)
		l.collectGovernors(d, d.Needs, mine)
		for _, g := range d.governors {
			g.governs = append(g.governs, d)
			for _, need := range d.Needs {
				if !mine[need] {
					_ = l.graph.Connect(g.Name, need) // both are in the graph
				}
			}
		}
	}
}

// collectGovernors follows needs through policy stages only.
func (l *linked) collectGovernors(d *stage, needs []string, seen map[string]bool) {
	for _, need := range needs {
		g := l.stages[need]
		if g.kind != pluginv1.Kind_KIND_POLICY || seen[need] {
			continue
		}
		seen[need] = true
		d.governors = append(d.governors, g)
		l.collectGovernors(d, g.Needs, seen)
	}
}

// explain describes a cycle that only exists because policy stages wait for
// what their deployer stages need.
func (l *linked) explain(cycle []string) diag.Diagnostic {
	at := l.stages[cycle[0]]
	for _, name := range cycle {
		if s := l.stages[name]; s.kind == pluginv1.Kind_KIND_POLICY {
			at = s
			break
		}
	}
	return diag.Diagnostic{
		Severity: diag.Error,
		Summary:  fmt.Sprintf("policy stage %q would have to judge a plan before it can be made", at.Name),
		Detail: "A policy stage runs after everything that the deployer stages behind it need, because it judges what they would apply. " +
			path(cycle) + ". Let the deployer stage alone need the policy stage, or use a second policy stage for what comes earlier.",
		Subject: &at.Range,
	}
}

func path(cycle []string) string {
	addresses := make([]string, len(cycle))
	for i, name := range cycle {
		addresses[i] = pipeline.StageAddress(name)
	}
	return strings.Join(addresses, " needs ")
}
