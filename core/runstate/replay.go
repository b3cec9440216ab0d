package runstate

import "github.com/stagegate/stagegate/core/event"

// Replay computes the state of a run from its journal. A run without an end
// that nobody writes was interrupted: the stages that were on their way are
// Unknown, since nobody saw how they ended.
func Replay(h History) *RunState {
	r := replay{state: &RunState{Status: Pending}, stages: make(map[string]*StageState)}
	for _, e := range h.Events {
		r.apply(e)
	}
	r.settle(h.Live)
	return r.state
}

type replay struct {
	state  *RunState
	stages map[string]*StageState
}

func (r *replay) apply(e event.Event) {
	s := r.state
	if e.Type == event.RunResumed {
		s.before += s.Ended.Sub(s.since)
	}
	s.Ended = e.Time
	switch e.Type {
	case event.RunStarted:
		s.ID, s.Started, s.since, s.Status = e.RunID, e.Time, e.Time, Running
		r.describe(e.Run)
	case event.RunResumed:
		s.Resumed++
		s.since, s.Status, s.ExitCode, s.Cancelled, s.Failure = e.Time, Running, 0, "", nil
		r.describe(e.Run)
		r.resume()
	case event.RunCancelling:
		s.Cancelled = e.Reason
	case event.RunFinished:
		if e.Finish != nil {
			s.Status, s.ExitCode, s.Failure = e.Finish.Status, e.Finish.ExitCode, e.Finish.Failure
		}
	default:
		if e.Stage != "" {
			r.stage(e.Stage).apply(e)
		}
	}
}

// describe takes over what the run was made from.
func (r *replay) describe(run *event.Run) {
	if run == nil {
		return
	}
	r.state.Run = *run
	for _, info := range run.Stages {
		r.stage(info.Name).StageInfo = info
	}
}

// resume puts back what did not succeed and so has its turn again, with what it
// had made: that is recorded anew, also when it comes from the cache.
func (r *replay) resume() {
	for _, s := range r.state.Stages {
		if s.Status != event.Succeeded && (s.Status != event.Skipped || s.unmet) {
			s.Status, s.Reason, s.Finish, s.Wait = Pending, "", nil, nil
			s.Artifacts, s.Attestations = nil, nil
		}
	}
}

// stage is the state of a stage, made when it is first heard of.
func (r *replay) stage(name string) *StageState {
	s, ok := r.stages[name]
	if !ok {
		s = &StageState{StageInfo: event.StageInfo{Name: name}, Status: Pending}
		r.stages[name] = s
		r.state.Stages = append(r.state.Stages, s)
	}
	return s
}

func (s *StageState) apply(e event.Event) {
	switch e.Type {
	case event.AttemptStarted:
		if s.Started.IsZero() {
			s.Started = e.Time
		}
		s.Status, s.Finish, s.Reason, s.Wait = Running, nil, "", nil
		s.Artifacts, s.Attestations, s.Approvals = nil, nil, nil
		s.Attempts = append(s.Attempts, AttemptState{Number: e.Attempt, Started: e.Time})
	case event.AttemptFinished:
		if n := len(s.Attempts); n > 0 {
			s.Attempts[n-1].Finish = e.Finish
		}
	case event.StageSkipped:
		s.Status, s.Reason, s.Because, s.unmet, s.Ended = event.Skipped, e.Reason, e.Because, e.Unmet, e.Time
	case event.StageWaiting:
		s.Status, s.Reason, s.Wait = event.Waiting, e.Reason, e.Waiting
	case event.StageFinished:
		s.Ended, s.Finish = e.Time, e.Finish
		if e.Finish != nil {
			s.Status = e.Finish.Status
		}
	default:
		s.collect(e)
	}
}

func (s *StageState) collect(e event.Event) {
	switch {
	case e.Type == event.StageArtifact && e.Artifact != nil:
		s.Artifacts = append(s.Artifacts, *e.Artifact)
	case e.Type == event.StageAttestation && e.Attestation != nil:
		s.Attestations = append(s.Attestations, *e.Attestation)
	case e.Type == event.StageHandle:
		s.Handle = e.Handle
	case e.Type == event.PlanMade:
		s.Plan = e.Plan
	case e.Type == event.ApprovalCounted && e.Approval != nil:
		s.Approvals = append(s.Approvals, *e.Approval)
	case e.Type == event.DecisionMade && e.Decision != nil:
		s.Decisions = append(s.Decisions, *e.Decision)
	}
}

// settle says what became of what has not ended.
func (r *replay) settle(live bool) {
	s := r.state
	if live || s.Status != Running && s.Status != Pending {
		return
	}
	s.Status = Interrupted
	for _, stage := range s.Stages {
		switch stage.Status {
		case Running:
			stage.Status = event.Unknown
		case event.Waiting: // nobody waits any more
			stage.Status, stage.Reason, stage.Wait = Pending, "", nil
		}
	}
}
