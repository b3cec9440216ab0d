package engine

import "github.com/stagegate/stagegate/core/event"

// Past is what journals say about the stages of a run that goes on.
type Past struct {
	// From is the run whose results this new run takes over; empty when it is
	// this run itself that is resumed.
	From string
	// Again are the stages that run again whatever they came to, and with them
	// all that depend on them.
	Again []string
	// Stages are the records by stage name.
	Stages map[string]*Recorded
}

// Recorded is what a journal says about a stage.
type Recorded struct {
	// Finish says how it ended; nil while it has not.
	Finish *event.Finish
	// Skipped is set when it was skipped instead, and Unmet when that was for
	// what came before it.
	Skipped, Unmet bool
	Reason         string
	// Wait is what it waits for; nil unless it does.
	Wait *event.Wait
	// Attempts is the number of the last attempt, and Last how that ended; nil
	// when nobody saw its end.
	Attempts int
	Last     *event.Finish
	// Artifacts, Attestations and Decisions are those of the last attempt.
	Artifacts    []event.Artifact
	Attestations []event.Attestation
	Decisions    []event.Decision
	// Plans are all plans that were made for it, by digest, and Plan is the last
	// one's.
	Plans map[string]event.Plan
	Plan  string
	// Applying is set when a plan was handed to the deployer and its answer, that
	// it is done or has failed, is not on record.
	Applying bool
	// Handle finds what the deployer's last attempt started outside.
	Handle []byte
}

// Recall reads the records of all stages from a journal.
func Recall(events []event.Event) map[string]*Recorded {
	out := make(map[string]*Recorded)
	for _, e := range events {
		if e.Type == event.RunResumed {
			for _, was := range out {
				was.forgetTorn()
			}
		}
		if e.Stage == "" {
			continue
		}
		was := out[e.Stage]
		if was == nil {
			was = &Recorded{}
			out[e.Stage] = was
		}
		was.learn(e)
	}
	return out
}

// forgetTorn forgets what a stage made that has not succeeded: all of it is
// recorded again, also when it comes from the cache.
func (was *Recorded) forgetTorn() {
	if was.success() == nil {
		was.Artifacts, was.Attestations = nil, nil
	}
}

// learn takes in one event of the stage.
func (was *Recorded) learn(e event.Event) {
	switch {
	case e.Type == event.AttemptStarted:
		// Handle, plans and what is being applied outlive the attempt.
		*was = Recorded{Attempts: e.Attempt, Plans: was.Plans, Plan: was.Plan, Applying: was.Applying, Handle: was.Handle}
	case e.Type == event.AttemptFinished && e.Finish != nil:
		was.Last = e.Finish
		if !e.Finish.Unanswered && (e.Finish.Status == event.Succeeded || e.Finish.Status == event.Failed) {
			was.Applying = false
		}
	case e.Type == event.StageFinished && e.Finish != nil:
		was.Finish, was.Skipped, was.Unmet, was.Reason = e.Finish, false, false, ""
	case e.Type == event.StageSkipped:
		was.Finish, was.Skipped, was.Unmet, was.Reason = nil, true, e.Unmet, e.Reason
	case e.Type == event.StageWaiting:
		was.Wait = e.Waiting
	case e.Type == event.ApplyStarted:
		was.Applying = true
	case e.Type == event.StageHandle:
		was.Handle = e.Handle
	case e.Type == event.StageArtifact && e.Artifact != nil:
		was.Artifacts = append(was.Artifacts, *e.Artifact)
	case e.Type == event.StageAttestation && e.Attestation != nil:
		was.Attestations = append(was.Attestations, *e.Attestation)
	case e.Type == event.DecisionMade && e.Decision != nil:
		was.Decisions = append(was.Decisions, *e.Decision)
	case e.Type == event.PlanMade && e.Plan != nil:
		if was.Plans == nil {
			was.Plans = make(map[string]event.Plan)
		}
		was.Plan = e.Plan.Digest
		was.Plans[was.Plan] = *e.Plan
	}
}

// Succeeded reports whether the stage has succeeded.
func (was *Recorded) Succeeded() bool { return was.success() != nil }

// success is the end of a stage that has succeeded, or nil. What must not
// happen twice has its whole end in that of its attempt, lest a record torn
// between the two hide it.
func (was *Recorded) success() *event.Finish {
	switch {
	case was == nil:
		return nil
	case was.Finish != nil && was.Finish.Status == event.Succeeded:
		return was.Finish
	case was.Finish == nil && !was.Skipped && was.Last != nil && was.Last.Status == event.Succeeded && was.Last.Outputs != nil:
		return was.Last
	default:
		return nil
	}
}

// fresh is the record of a stage that starts afresh. The plan that a policy stage
// has judged is still compared with the new one.
func (was *Recorded) fresh() *Recorded {
	if was == nil {
		return nil
	}
	return &Recorded{Plans: was.Plans}
}

// unanswered reports whether the last attempt may have done something that
// nobody knows of.
func (was *Recorded) unanswered() bool {
	return was != nil && was.Attempts > 0 && (was.Last == nil || was.Last.Unanswered)
}
