package engine

import (
	"context"
	"time"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// runComponent is one attempt of a builder or tester.
func (r *run) runComponent(ctx context.Context, s *stage, a *attempt) event.Finish {
	call := Call{Component: s.Component, Scope: a.scope(s)}
	if s.kind == pluginv1.Kind_KIND_BUILDER {
		call.Build = &pluginv1.BuildRequest{Component: s.Component.Name, Attempt: a.wire, Config: a.cfg.wire}
	} else {
		call.Test = &pluginv1.TestRequest{Component: s.Component.Name, Attempt: a.wire, Config: a.cfg.wire}
	}
	started := time.Now()
	finish := r.stream(ctx, s, a, call)
	if failed := r.stateProvenance(ctx, s, a, finish, started); failed != nil {
		finish = *failed
	}
	r.keepArtifacts(s, a.artifacts)
	if finish.Report != nil {
		finish.Report.Subject = artifactDigest(a.cfg.value)
		r.addReport(StageReport{Stage: s.Name, ArtifactDigest: finish.Report.Subject, Report: *finish.Report})
	}
	return finish
}

// stream runs a call and keeps what it says.
func (r *run) stream(ctx context.Context, s *stage, a *attempt, call Call) event.Finish {
	sink := newSink(ctx, r, s, a)
	res, err := r.o.Plugins.Execute(ctx, call, sink.take)
	logBytes, logErr := sink.close(err != nil)
	finish := r.judgeResult(ctx, s, res, firstError(sink.err, err, logErr))
	finish.LogBytes, a.files = logBytes, res.GetFiles()
	return finish
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// judgeResult turns a result into the end of an attempt. What was asked to stop
// and says that it failed was stopped; what succeeded all the same succeeded.
func (r *run) judgeResult(ctx context.Context, s *stage, res *pluginv1.Result, err error) event.Finish {
	if err != nil {
		finish := r.broke(ctx, err)
		finish.Rollout, finish.Unanswered = r.rolloutOf(res), true
		return finish
	}
	outcome := res.GetOutcome()
	if outcome == pluginv1.Outcome_OUTCOME_STOPPED {
		awaitDeadline(ctx)
	}
	var finish event.Finish
	switch {
	case outcome == pluginv1.Outcome_OUTCOME_SUCCEEDED:
		finish = r.succeed(s, res)
	case ctx.Err() != nil:
		finish = r.ended(context.Cause(ctx))
		if f := res.GetFailure(); f != nil {
			finish.Failure.Detail = r.clean("The plugin said: "+f.GetSummary()+"\n"+f.GetDetail(), maxDetail)
		}
	case outcome == pluginv1.Outcome_OUTCOME_FAILED:
		finish = event.Finish{Status: event.Failed, Failure: r.failureOf(res.GetFailure())}
	case outcome == pluginv1.Outcome_OUTCOME_STOPPED:
		finish = errored(ClassProtocol, "plugin "+s.Component.Plugin+" stopped the stage without being asked to", "")
	default:
		finish = event.Finish{Status: event.Errored, Failure: r.failureOf(res.GetFailure())}
	}
	finish.Report = r.reportOf(res.GetReport())
	finish.Rollout = r.rolloutOf(res)
	return finish
}

// clockSlack is how much earlier than here a deadline may pass in a plugin.
const clockSlack = time.Second

// awaitDeadline waits for a deadline that is about to pass. The plugin knows it
// too, and may have stopped the attempt a moment before it passes here.
func awaitDeadline(ctx context.Context) {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) < clockSlack {
		<-ctx.Done()
	}
}

// succeed takes over the outputs.
func (r *run) succeed(s *stage, res *pluginv1.Result) event.Finish {
	outputs, err := outputsOf(s.Schema, res.GetOutputs())
	if err != nil {
		return errored(ClassOutputInvalid, "plugin "+s.Component.Plugin+" gave outputs that do not fit its schema", r.clean(err.Error(), maxDetail))
	}
	r.hide(s, outputs)
	if finish := r.unsatisfied(s, outputs); finish != nil {
		return *finish
	}
	kept, withheld, err := r.journalForm(outputs)
	if err != nil {
		return errored(ClassOutputInvalid, "the outputs cannot be recorded", r.clean(err.Error(), maxDetail))
	}
	r.mu.Lock()
	r.outputs[s.Name] = outputs
	r.mu.Unlock()
	return event.Finish{Status: event.Succeeded, Outputs: kept, Withheld: withheld}
}
