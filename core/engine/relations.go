package engine

import (
	"slices"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
)

// Relations are the stages that one comes after, by name, and why.
type Relations struct {
	Stage *pipeline.Stage
	Needs []string // by its own word
	// Waits are those that a policy stage waits for because the deployer stages
	// that it governs need them.
	Waits []string
	// Governors are the policy stages that judge a deployer stage's plan.
	Governors []string
}

// Relate says in which relations the stages of a pipeline will run, in source
// order.
func Relate(p *pipeline.Pipeline) ([]Relations, diag.List) {
	l, diags := link(p)
	if diags.HasErrors() {
		return nil, diags
	}
	out := make([]Relations, 0, len(p.Stages))
	for _, s := range p.Stages {
		r := Relations{Stage: s, Needs: s.Needs}
		for _, need := range l.graph.Needs(s.Name) {
			if !slices.Contains(s.Needs, need) {
				r.Waits = append(r.Waits, need)
			}
		}
		for _, g := range l.stages[s.Name].governors {
			r.Governors = append(r.Governors, g.Name)
		}
		out = append(out, r)
	}
	return out, nil
}
