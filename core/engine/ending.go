package engine

import (
	"context"
	"errors"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
)

// countedAs is what the end of a stage means for the run. What the run itself
// has stopped says nothing of its own: the reason for that does.
func (r *run) countedAs(res result) event.Status {
	var failing *failFastError
	var timeout *runTimeoutError
	switch {
	case res.stopped == nil:
		return res.status
	case errors.As(res.stopped, &failing):
		return event.Skipped
	case errors.As(res.stopped, &timeout):
		return event.Errored
	case errors.Is(res.stopped, errCleanupBudget) && r.stoppedBy() == nil:
		return event.Errored
	default:
		return event.Cancelled
	}
}

// whyStopped is why a stage was stopped that was on its way.
func (r *run) whyStopped(s *stage) error {
	if cause := context.Cause(r.lanes.of(s).run); cause != nil {
		return cause
	}
	if cause := context.Cause(r.lanes.of(s).start); cause != nil {
		return cause
	}
	return context.Canceled
}

// stoppedBy is why somebody has stopped the run, or nil.
func (r *run) stoppedBy() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.stopped
}

// weight orders statuses by what they mean for the run.
func weight(s event.Status) int {
	switch s {
	case event.Waiting:
		return 1
	case event.Errored:
		return 2
	case event.Failed:
		return 3
	case event.Denied:
		return 4
	case event.Cancelled:
		return 5
	default: // succeeded and skipped
		return 0
	}
}

// runFailure says why the run did not succeed: somebody or its time ended it,
// or the first stage that did not succeed.
func (r *run) runFailure(out Outcome, results []result, broken error) *event.Failure {
	if broken != nil {
		return &event.Failure{Summary: "the run could not be recorded", Detail: r.clean(broken.Error(), maxDetail), Class: classOf(broken)}
	}
	if cause := r.stoppedBy(); out.Status == event.Cancelled && cause != nil {
		return r.ended(cause).Failure
	}
	if late := lateness(results); late != nil && out.Status != event.Denied && out.Status != event.Cancelled {
		return &event.Failure{Summary: late.Error(), Class: ClassTimeout,
			Detail: "What ran was stopped. Raise the timeout of the pipeline, or give another with --timeout; runner resume goes on from here."}
	}
	if f := r.failedFast; f != nil {
		if failure := failureOfRun(out, func(s StageOutcome) bool { return s.Name == f.stage }); failure != nil {
			return failure
		}
	}
	return failureOfRun(out, func(StageOutcome) bool { return true })
}

// lateness is the timeout that has stopped stages, or nil.
func lateness(results []result) *runTimeoutError {
	for _, res := range results {
		var late *runTimeoutError
		if errors.As(res.stopped, &late) {
			return late
		}
	}
	return nil
}

// failureOfRun is the failure of the first stage of some that ended as the run
// did.
func failureOfRun(out Outcome, of func(StageOutcome) bool) *event.Failure {
	for _, s := range out.Stages {
		if of(s) && s.Status == out.Status && s.Failure != nil {
			f := *s.Failure
			f.Summary = pipeline.StageAddress(s.Name) + ": " + f.Summary
			return &f
		}
	}
	return nil
}
