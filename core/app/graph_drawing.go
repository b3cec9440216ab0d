package app

import (
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/graphview"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// graphAnswer is the JSON form of a pipeline's graph.
type graphAnswer struct {
	Schema   int          `json:"schema"`
	Pipeline string       `json:"pipeline"`
	Run      string       `json:"run,omitempty"`
	Status   event.Status `json:"status,omitempty"` // of the run
	Stages   []graphStage `json:"stages"`
}

// graphStage is a stage, and what it comes after.
type graphStage struct {
	Name    string   `json:"name"`
	Address string   `json:"address"`
	Modules []string `json:"modules,omitempty"` // around it, from the outside
	Uses    string   `json:"uses"`
	Kind    string   `json:"kind"`
	RunMode string   `json:"run_mode"` // on_success, on_failure, always, …
	Needs   []string `json:"needs"`
	// Waits are stages that a policy stage waits for, because those that it
	// governs need them.
	Waits []string `json:"waits_for,omitempty"`
	// Governors are the policy stages that judge the plan; the operator's
	// policies judge every plan.
	Governors []string     `json:"governed_by,omitempty"`
	Status    event.Status `json:"status,omitempty"` // in the run
	Seconds   float64      `json:"duration_seconds,omitempty"`
}

// drawing is a graph as data and as something to draw.
type drawing struct {
	answer graphAnswer
	graphview.Graph
}

func newDrawing(p *pipeline.Pipeline, relations []engine.Relations, run *keptRun) drawing {
	d := drawing{answer: graphAnswer{Schema: view.SchemaVersion, Pipeline: p.Name, Stages: []graphStage{}}}
	d.Name, d.Subtitle = p.Name, stageCount(len(p.Stages))
	if run != nil {
		d.answer.Run, d.answer.Status = run.state.ID, run.state.Status
		d.Subtitle = fmt.Sprintf("run %s %s in %s", run.state.ID, run.state.Status, view.Duration(run.state.Duration(now())))
		if run.state.Run.Digest != p.Digest {
			d.Subtitle += "; the files have changed since"
		}
	}
	for _, r := range relations {
		d.add(r, run)
	}
	return d
}

func (d *drawing) add(r engine.Relations, run *keptRun) {
	s := r.Stage
	modules, label := pipeline.SplitName(s.Name)
	kind := strings.ToLower(strings.TrimPrefix(s.Schema.GetKind().String(), "KIND_"))
	stage := graphStage{
		Name: s.Name, Address: s.Address(), Modules: modules, Uses: s.Component.String(), Kind: kind,
		RunMode: s.Run.String(), Needs: append([]string{}, r.Needs...), Waits: r.Waits, Governors: r.Governors,
	}
	node := graphview.Node{Name: s.Name, Label: label, Groups: modules, Uses: stage.Uses, Kind: kind}
	if s.Run != pipeline.OnSuccess {
		node.Notes = append(node.Notes, "run = "+stage.RunMode)
	}
	if s.Schema.GetKind() == pluginv1.Kind_KIND_DEPLOYER {
		judges := append([]string{"the operator's policies"}, r.Governors...)
		node.Notes = append(node.Notes, "its plan is judged by "+strings.Join(judges, ", "))
	}
	if run != nil {
		if state := run.state.Stage(s.Name); state != nil {
			took := took(state)
			stage.Status, stage.Seconds = state.Status, took.Seconds()
			node.Status = string(state.Status)
			if took > 0 {
				node.Took = view.Duration(took)
			}
		}
	}
	d.answer.Stages = append(d.answer.Stages, stage)
	d.Nodes = append(d.Nodes, node)
	for relation, names := range [...][]string{graphview.Needs: r.Needs, graphview.Waits: r.Waits, graphview.Governs: r.Governors} {
		for _, name := range names {
			d.Edges = append(d.Edges, graphview.Edge{From: name, To: s.Name, Relation: graphview.Relation(relation)})
		}
	}
}

// took is how long a stage took, or has taken.
func took(s *runstate.StageState) time.Duration {
	switch {
	case s.Finish != nil:
		return time.Duration(float64(s.Finish.Duration) * float64(time.Second))
	case s.Status == runstate.Running:
		return now().Sub(s.Started)
	default:
		return 0
	}
}
