package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/graph"
	"github.com/stagegate/stagegate/core/pipeline"
)

// InvalidError says that a pipeline cannot be run as it is written.
type InvalidError struct {
	Diagnostics diag.List
}

// Error is the first diagnostic.
func (e *InvalidError) Error() string {
	if len(e.Diagnostics) == 0 {
		return "check pipeline: it is not valid"
	}
	return "check pipeline: " + e.Diagnostics[0].Summary
}

// Run runs a pipeline to its end. What goes wrong in stages is in the outcome;
// an error means that the runner itself could not do its work, for example that
// the journal cannot be written. When ctx ends, attempts in flight are stopped,
// nothing new is started but stages with run = "always", and the outcome is
// Cancelled with the cause of ctx as its reason; Options has a milder and a
// harder way. The pipeline's Timeout does the same, but is a failure.
//
// Info says what is run, for the journal; the engine fills in what it knows
// itself.
func (e *Engine) Run(ctx context.Context, p *pipeline.Pipeline, info event.Run) (Outcome, error) {
	l, diags := link(p)
	if diags.HasErrors() {
		return Outcome{Status: event.Errored}, &InvalidError{Diagnostics: diags.Sorted()}
	}
	r := newRun(ctx, e.o, l, e.describe(l, info))
	defer r.close()
	if diags := r.standing(); diags.HasErrors() {
		return Outcome{Status: event.Errored}, &InvalidError{Diagnostics: diags.Sorted()}
	}
	if err := r.record(r.begun()...); err != nil {
		return Outcome{Status: event.Errored}, err
	}
	stopWatching := r.watch(ctx)
	results, err := graph.WalkPausing(l.graph, e.o.Parallelism, r.visit)
	stopWatching()
	if err != nil {
		return Outcome{Status: event.Errored}, fmt.Errorf("walk stages: %w", err)
	}
	return r.finish(results)
}

// describe completes the description of the run.
func (e *Engine) describe(l *linked, info event.Run) event.Run {
	p := l.pipeline
	info.Pipeline, info.Description, info.Root, info.Digest = p.Name, p.Description, p.Root, p.Digest
	info.Parallelism = e.o.Parallelism
	digests := make(map[string]string, len(info.Stages))
	for _, s := range info.Stages {
		digests[s.Name] = s.PluginDigest
	}
	info.Stages = make([]event.StageInfo, len(p.Stages))
	for i, s := range p.Stages {
		info.Stages[i] = event.StageInfo{
			Name: s.Name, Uses: s.Component.String(), Kind: kindName(l.stages[s.Name].kind),
			Needs: s.Needs, PluginDigest: digests[s.Name],
		}
	}
	return info
}

// finish records the end of the run.
func (r *run) finish(results []result) (Outcome, error) {
	out := Outcome{Status: event.Succeeded, Duration: time.Since(r.started)}
	for i, res := range results {
		out.Stages = append(out.Stages, StageOutcome{
			Name: r.pipeline.Stages[i].Name, Status: res.status, Reason: res.reason, Failure: res.failure,
		})
		out.Denied = out.Denied || res.status == event.Denied
		status := r.countedAs(res)
		if weight(status) > weight(out.Status) {
			out.Status = status
		}
	}
	broken := r.broken()
	if broken != nil {
		out.Status = event.Errored
	}
	end := event.Finish{Status: out.Status, Duration: seconds(out.Duration), Failure: r.runFailure(out, results, broken)}
	if r.o.ExitCode != nil {
		end.ExitCode = r.o.ExitCode(out)
	}
	if err := r.recordEnd(event.Event{Type: event.RunFinished, Finish: &end}); err != nil {
		out.Status = event.Errored
		return out, firstError(broken, err)
	}
	return out, broken
}
