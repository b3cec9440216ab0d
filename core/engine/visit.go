package engine

import (
	"context"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/graph"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// result is what a stage's dependents need to know of it.
type result struct {
	status  event.Status
	reason  string         // why it was skipped
	failure *event.Failure // why it did not succeed
	// root is why dependents cannot run, in the words in which each of them
	// says so; it is handed on unchanged, so that the root cause is named and
	// not the last link. Empty when they can.
	root string
	// stopped is why it did not run, or run on, when the run was stopped.
	stopped error
}

// visit takes a stage from its turn to its end. It records exactly one terminal
// event, unless that is on record already.
func (r *run) visit(turn graph.Turn, name string, needs []graph.Need[result]) result {
	s := r.stages[name]
	s.turn = turn
	res, stands := r.standingResult(s)
	if !stands {
		res = r.take(s, needs)
	}
	if s.kind == pluginv1.Kind_KIND_POLICY && res.root != "" {
		r.mu.Lock()
		r.blocked[name] = res.root
		r.mu.Unlock()
	}
	if r.over(s) {
		r.failFast(s, res)
	}
	return res
}

func (r *run) take(s *stage, needs []graph.Need[result]) result {
	lane := r.lanes.of(s)
	ctx := lane.run
	if err := r.closed(s); err != nil {
		return r.kept(s, err)
	}
	if res, waits := r.waits(s, needs); waits {
		return res
	}
	if reason, root := r.unwanted(s, needs); reason != "" {
		return r.skip(s, reason, root)
	}
	outputs := r.outputsFor(s)
	wanted, why, diags := r.o.Evaluator.When(s.Stage, outputs)
	switch {
	case diags.HasErrors():
		return r.end(s, r.refused(s, diags))
	case !wanted:
		return r.skip(s, why, "")
	}
	if finish := r.unprepared(s, outputs); finish != nil {
		return r.end(s, *finish)
	}
	r.show(event.Event{Type: event.StageReady, Stage: s.Name})
	cfg, finish := r.configure(ctx, s, outputs)
	if finish != nil {
		if missing := r.skippedNeeds(s); finish.Failure.Class == ClassUnknown && len(missing) > 0 {
			return r.skip(s, "it uses outputs of "+strings.Join(missing, ", ")+", which was skipped", "")
		}
		return r.end(s, *finish)
	}
	if finish := r.enter(lane.start, s); finish != nil {
		return r.end(s, *finish)
	}
	defer r.leave(s)
	if err := r.admit(s); err != nil {
		return r.kept(s, err)
	}
	defer r.dismiss(s)
	return r.execute(ctx, s, cfg)
}

// execute runs the attempts of a stage by its kind.
func (r *run) execute(ctx context.Context, s *stage, cfg *configuration) result {
	switch s.kind {
	case pluginv1.Kind_KIND_BUILDER, pluginv1.Kind_KIND_TESTER:
		if finish := r.blindly(s); finish != nil {
			return r.end(s, *finish)
		}
		return r.component(ctx, s, cfg)
	case pluginv1.Kind_KIND_POLICY:
		return r.attempts(ctx, s, cfg, r.judge)
	case pluginv1.Kind_KIND_DEPLOYER:
		return r.attempts(ctx, s, cfg, r.rollOut)
	default:
		return r.end(s, errored(ClassProtocol, fmt.Sprintf("component %s is of no known kind", s.Component),
			"The plugin needs a newer runner, or its schema is wrong."))
	}
}

// end ends a stage without an attempt.
func (r *run) end(s *stage, finish event.Finish) result {
	_ = r.recordEnd(event.Event{Type: event.StageFinished, Stage: s.Name, Finish: &finish})
	return r.resultOf(s, finish)
}

// resultOf is what dependents are told about a stage that ended.
func (r *run) resultOf(s *stage, finish event.Finish) result {
	res := result{status: finish.Status, failure: finish.Failure}
	switch finish.Status {
	case event.Succeeded:
	case event.Denied:
		res.root = "denied by policy: " + s.Address() + " says no"
	case event.Cancelled:
		res.root, res.stopped = s.Address()+" was cancelled", r.whyStopped(s)
	case event.Errored:
		res.root = s.Address() + " could not be run"
	default:
		res.root = s.Address() + " failed"
	}
	r.trace(res.root, finish.Status)
	return res
}

// refused is the end of a stage whose configuration is wrong. All that is wrong
// is shown; the first mistake stands for the rest where there is one line.
func (r *run) refused(s *stage, diags diag.List) event.Finish {
	var mistakes []diag.Diagnostic
	for _, d := range diags.Sorted() {
		r.showDiagnostic(s, d)
		if d.Severity == diag.Error {
			mistakes = append(mistakes, d)
		}
	}
	if len(mistakes) == 0 {
		return errored(ClassConfig, "the configuration of "+s.Address()+" is not valid", "")
	}
	summary := mistakes[0].Summary
	if more := len(mistakes) - 1; more > 0 {
		summary += fmt.Sprintf(" (and %d more)", more)
	}
	return errored(ClassConfig, r.clean(summary, maxLine), r.clean(mistakes[0].Detail, maxDetail))
}

func (r *run) showDiagnostic(s *stage, d diag.Diagnostic) {
	shown := &event.Diagnostic{Severity: "error", Summary: r.clean(d.Summary, maxLine), Detail: r.clean(d.Detail, maxDetail)}
	if d.Severity == diag.Warning {
		shown.Severity = "warning"
	}
	if d.Subject != nil {
		shown.File, shown.Line = d.Subject.Filename, d.Subject.Start.Line
	}
	r.show(event.Event{Type: event.StageDiagnostic, Stage: s.Name, Diagnostic: shown})
}

// errored is the end of something that could not be run.
func errored(class, summary, detail string) event.Finish {
	return event.Finish{Status: event.Errored, Failure: &event.Failure{Summary: summary, Detail: detail, Class: class}}
}
