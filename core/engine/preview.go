package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/preview"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"golang.org/x/sync/errgroup"
)

// Foresight is an Evaluator that can also be asked before a stage's turn.
type Foresight interface {
	Evaluator
	// Foresee values a stage's expressions as far as possible. What depends on
	// outputs that are not given is unknown and marked with its
	// pipeline.Origin; no secret is resolved. Unmet are the preconditions that
	// are known not to hold.
	Foresee(stage *pipeline.Stage, outputs map[string]cty.Value) (out pipeline.Foreseen, unmet, diags diag.List)
}

// Forecaster says what a Gate would decide. It signs nothing.
type Forecaster interface {
	// Forecast evaluates every governing policy on what is known. A policy that
	// cannot be asked is a verdict; an error is that ctx has ended.
	Forecast(ctx context.Context, req ForecastRequest) (*preview.Decision, error)
}

// ForecastRequest is what is known about a decision before a run. Its plan is
// nil where the deployer cannot make one yet.
type ForecastRequest struct {
	DecisionRequest
	// Awaited are the facts that the run makes.
	Awaited []preview.Awaited
}

// PreviewOptions are what a preview works with. There is nothing among them
// that could record, store or sign.
type PreviewOptions struct {
	Plugins   Plugins
	Evaluator Foresight
	Redactor  Redactor
	Policy    Forecaster
	// Cache and Inputs are as for Options; without a cache every stage runs.
	Cache  Cache
	Inputs map[string]*pluginv1.Inputs
	// Repository is as for Options, and so are Scratch and Parallelism.
	Repository  string
	Scratch     string
	Parallelism int
	// Offline leaves the plans of deployers to the run.
	Offline bool
}

// previewRun stands for the id of the run that does not exist. It is none that
// a run can have, so that no decision can ever be about it.
const previewRun = "preview"

// Preview says what a run of the pipeline would do. It executes nothing and
// changes nothing; it asks deployers for their plans, and policies what they
// think of them.
//
// Info is as for Run.
func Preview(ctx context.Context, p *pipeline.Pipeline, info event.Run, o PreviewOptions) (*preview.Preview, error) {
	if o.Plugins == nil || o.Evaluator == nil || o.Redactor == nil || o.Policy == nil || o.Scratch == "" {
		return nil, errors.New("preview run: an option is not set")
	}
	l, diags := link(p)
	if diags.HasErrors() {
		return nil, &InvalidError{Diagnostics: diags.Sorted()}
	}
	order, err := l.graph.Order()
	if err != nil {
		return nil, fmt.Errorf("preview run: %w", err)
	}
	v := newPreviewer(ctx, l, info, o)
	for _, name := range order {
		v.foresee(ctx, l.stages[name])
	}
	err = v.ask(ctx)
	v.close()
	if err != nil {
		return nil, fmt.Errorf("preview run: %w", err)
	}
	return v.answer(), nil
}

// previewer is a run that never starts. Of a run's means it has those that ask,
// and none that record.
type previewer struct {
	*run
	policy    Forecaster
	foresight Foresight
	offline   bool
	problems  problems
	seen      map[string]*foreseen
	order     []*foreseen
}

// foreseen is a stage as far as it can be told before the run.
type foreseen struct {
	*stage
	out *preview.Stage
	// root is why dependents cannot run, as in result; failure is why the stage
	// itself would fail, where no diagnostic says so.
	root    string
	failure *event.Failure
	// awaits are the names of the stages whose outputs the configuration and the
	// environment wait for.
	awaits []string
	// settled is set when configuration and environment need nothing of the run.
	settled bool
	// call asks a policy stage's own rules; nil when they are not known yet.
	call *PolicyCall
}

func newPreviewer(ctx context.Context, l *linked, info event.Run, o PreviewOptions) *previewer {
	p := l.pipeline
	info.Pipeline, info.Description, info.Root, info.Digest = p.Name, p.Description, p.Root, p.Digest
	v := &previewer{policy: o.Policy, foresight: o.Evaluator, offline: o.Offline, seen: make(map[string]*foreseen, len(l.stages))}
	v.run = newRun(ctx, Options{
		Plugins: o.Plugins, Evaluator: o.Evaluator, Redactor: o.Redactor, View: &v.problems,
		Cache: o.Cache, Inputs: o.Inputs,
		RunID: previewRun, Repository: o.Repository, Scratch: o.Scratch,
		Parallelism: o.Parallelism, Heartbeat: DefaultHeartbeat,
	}, l, info)
	if v.o.Parallelism < 1 {
		v.o.Parallelism = runtime.GOMAXPROCS(0)
	}
	return v
}

// problems is a view that keeps what is wrong. It is written by one goroutine,
// and read when that has ended.
type problems struct {
	byStage map[string][]event.Diagnostic
}

// Show keeps diagnostics.
func (p *problems) Show(e event.Event) {
	if e.Type != event.StageDiagnostic {
		return
	}
	if p.byStage == nil {
		p.byStage = make(map[string][]event.Diagnostic)
	}
	p.byStage[e.Stage] = append(p.byStage[e.Stage], *e.Diagnostic)
}

// ask has deployers make their plans, and policies judge them.
func (v *previewer) ask(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(v.o.Parallelism)
	for _, f := range v.order {
		if f.out.Action == preview.Skip || f.root != "" {
			continue
		}
		switch {
		case f.out.Kind == deployerKind:
			group.Go(func() error { return v.foreseeDeployment(ctx, f) })
		case f.out.Kind == policyKind && len(f.governs) == 0:
			group.Go(func() error { return v.foreseeDecision(ctx, f, DecisionRequest{}) })
		}
	}
	return group.Wait()
}

// answer puts it all together.
func (v *previewer) answer() *preview.Preview {
	info := v.info
	out := &preview.Preview{
		Pipeline: info.Pipeline, Description: info.Description, Digest: info.Digest,
		Commit: info.Commit, Ref: info.Ref, Clean: info.Clean, Variables: info.Variables,
		Targets: info.Targets, Whole: info.Whole, Timeout: seconds(v.pipeline.Timeout),
		Stages: make([]*preview.Stage, 0, len(v.order)),
	}
	for _, f := range v.order {
		f.out.Problems = v.problems.byStage[f.Name]
		if f.failure != nil && !f.out.Failing() {
			f.out.Problems = append(f.out.Problems, event.Diagnostic{Severity: "error", Summary: f.failure.Summary, Detail: f.failure.Detail})
		}
		out.Stages = append(out.Stages, f.out)
	}
	out.Summarize()
	return out
}
