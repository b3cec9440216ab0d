package engine

import (
	"fmt"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/graph"
	"github.com/stagegate/stagegate/core/pipeline"
)

// LastRun is how stages ended in an earlier run of the same pipeline.
type LastRun struct {
	ID string
	// Outcomes says of each stage Succeeded, Failed, Errored or Denied. A stage
	// that did not run because of another one has the outcome of that one; one
	// that nothing asked for has succeeded.
	Outcomes map[string]event.Status
}

// compared says why a stage does not run that looks at what has changed since
// the last run; empty when it runs. What counts is what its direct needs came
// to, with the root causes that were handed on to them.
func (r *run) compared(s *stage, needs []graph.Need[result]) string {
	now, root := r.cameTo(needs)
	switch {
	case s.Run == pipeline.OnFixed && now != event.Succeeded:
		return "nothing is fixed: " + root
	case s.Run == pipeline.OnRegression && now == event.Succeeded:
		return "nothing that it needs has failed"
	}
	last := r.lastRun(s)
	if last == nil {
		if s.Run == pipeline.OnChanged {
			return ""
		}
		return "there is no earlier run to compare with"
	}
	before := event.Succeeded
	for _, need := range s.Needs {
		before = worse(before, last.Outcomes[need])
	}
	switch {
	case s.Run == pipeline.OnChanged && now == before:
		return fmt.Sprintf("nothing has changed since the last run, %s: what it needs %s there too", last.ID, inWords(now))
	case s.Run == pipeline.OnFixed && before == event.Succeeded:
		return fmt.Sprintf("nothing was broken: what it needs succeeded in the last run, %s, too", last.ID)
	case s.Run == pipeline.OnRegression && before != event.Succeeded:
		return fmt.Sprintf("it is not new: what it needs %s in the last run, %s, already", inWords(before), last.ID)
	default:
		return ""
	}
}

// cameTo is the worst that came of needs, and its root.
func (r *run) cameTo(needs []graph.Need[result]) (outcome event.Status, root string) {
	outcome = event.Succeeded
	for _, need := range needs {
		if need.Result.root == "" {
			continue
		}
		if o := worse(outcome, r.rootOf(need.Result.root)); o != outcome {
			outcome, root = o, need.Result.root
		}
	}
	return outcome, root
}

// lastRun is the run to compare with, or nil. A history that cannot be read is
// said, and taken for none.
func (r *run) lastRun(s *stage) *LastRun {
	if r.o.History == nil || len(s.Needs) == 0 {
		return nil
	}
	last, err := r.o.History.Last(r.recording, r.info, s.Needs)
	if err != nil {
		r.warn(s, "earlier runs cannot be read", err.Error())
		return nil
	}
	return last
}

// worse is the worse of two outcomes. What was stopped did not succeed.
func worse(a, b event.Status) event.Status {
	switch b {
	case event.Succeeded, event.Failed, event.Errored, event.Denied:
	default:
		b = event.Failed
	}
	if weight(b) > weight(a) {
		return b
	}
	return a
}

// inWords is an outcome as a verb.
func inWords(outcome event.Status) string {
	switch outcome {
	case event.Denied:
		return "was denied"
	case event.Errored:
		return "could not be run"
	default:
		return string(outcome)
	}
}
