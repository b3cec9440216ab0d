package runstate

import (
	"time"

	"github.com/stagegate/stagegate/core/event"
)

// Statuses of runs and stages that have not ended, beside those of the event
// package.
const (
	Pending     event.Status = "pending"     // it has not started yet
	Running     event.Status = "running"     // it is on its way
	Interrupted event.Status = "interrupted" // the runner died; the run can be resumed
)

// RunState is what a journal amounts to.
type RunState struct {
	ID       string
	Run      event.Run
	Started  time.Time
	Ended    time.Time // of the last event, unless the run is Running
	Status   event.Status
	ExitCode int
	Failure  *event.Failure
	// Cancelled says why the run was cancelled, if it was.
	Cancelled string
	Resumed   int           // how often
	Stages    []*StageState // in the order of the pipeline

	since  time.Time     // it has been on its way, since it was started or resumed
	before time.Duration // how long it was before
}

// Unfinished reports whether the run can be gone on with: nobody is on it, and
// it has not succeeded.
func (s *RunState) Unfinished() bool {
	return s.Status != Running && s.Status != Pending && s.Status != event.Succeeded && len(s.Stages) > 0
}

// StageState is what a journal says about a stage.
type StageState struct {
	event.StageInfo
	Status event.Status
	Reason string // why it was skipped, or what it waits for
	// Because is how the stage ended for which it was skipped, if it was one.
	Because  event.Status
	unmet    bool // it was skipped for what came before it
	Started  time.Time
	Ended    time.Time
	Attempts []AttemptState
	// Wait is what it waits for; nil while it does not.
	Wait *event.Wait
	// Artifacts and Attestations are those of the last attempt.
	Artifacts    []event.Artifact
	Attestations []event.Attestation
	// Handle finds what a deployer's last attempt started outside.
	Handle []byte
	// Plan is the last plan made for the stage.
	Plan *event.Plan
	// Approvals are those that counted when the last plan was applied, or the
	// rejections that kept it from being.
	Approvals []event.Approval
	// Decisions are all that were made at the stage, in order.
	Decisions []event.Decision
	// Finish says how it ended; nil until it has.
	Finish *event.Finish
}

// Outcome is how the stage ended, for comparison with other runs: Succeeded,
// Failed, Errored or Denied, and empty when it did not. One that was skipped has
// the outcome of what it was skipped for; what was stopped did not succeed.
func (s *StageState) Outcome() event.Status {
	status := s.Status
	if status == event.Skipped {
		status = s.Because
		if status == "" {
			return event.Succeeded
		}
	}
	switch status {
	case event.Succeeded, event.Failed, event.Errored, event.Denied:
		return status
	case event.Cancelled:
		return event.Failed
	default:
		return ""
	}
}

// AttemptState is one try.
type AttemptState struct {
	Number  int
	Started time.Time
	Finish  *event.Finish // nil until it has ended
}

// Duration is how long the run took or, at now, has taken, without the time in
// which nobody was on it.
func (s *RunState) Duration(now time.Time) time.Duration {
	if s.Status == Running {
		return s.before + now.Sub(s.since)
	}
	return s.before + s.Ended.Sub(s.since)
}

// Stage is the stage of a name, or nil.
func (s *RunState) Stage(name string) *StageState {
	for _, stage := range s.Stages {
		if stage.Name == name {
			return stage
		}
	}
	return nil
}
