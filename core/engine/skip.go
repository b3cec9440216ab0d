package engine

import (
	"errors"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/graph"
	"github.com/stagegate/stagegate/core/pipeline"
)

// unwanted says why a stage does not run, and what to tell its dependents.
// Needs that were skipped because nothing asked for them keep nobody waiting.
func (r *run) unwanted(s *stage, needs []graph.Need[result]) (reason, root string) {
	if by := r.blockedBy(s); by != "" {
		return by, by
	}
	for _, need := range needs {
		if need.Result.root != "" {
			root = need.Result.root
			break
		}
	}
	switch {
	case s.Run == pipeline.Always:
		return "", ""
	case s.Run == pipeline.OnFailure && root == "":
		return "nothing that it needs has failed", ""
	case s.Run == pipeline.OnChanged, s.Run == pipeline.OnFixed, s.Run == pipeline.OnRegression:
		return r.compared(s, needs), ""
	case s.Run == pipeline.OnSuccess && root != "":
		return root, root
	default:
		return "", ""
	}
}

// kept ends a stage that does not start because the run is stopped.
func (r *run) kept(s *stage, cause error) result {
	reason, status := r.clean(cause.Error(), maxLine), event.Cancelled
	var failing *failFastError
	switch own := ownStop(cause); {
	case own == nil:
		reason = "the run was cancelled: " + reason
	case errors.As(own, &failing):
		status = r.rootOf(failing.root)
	}
	r.trace(reason, status)
	res := r.skip(s, reason, reason)
	res.stopped = cause
	return res
}

// blockedBy says why a deployer stage must not run, whatever its run mode: one
// of the policy stages that govern it has not let it pass.
func (r *run) blockedBy(s *stage) string {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, g := range s.governors {
		if root := r.blocked[g.Name]; root != "" {
			return root
		}
	}
	return ""
}

// skippedNeeds are the needs of a stage that were skipped because nothing asked
// for them: what it uses of them will never be known.
func (r *run) skippedNeeds(s *stage) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []string
	for _, need := range s.Needs {
		if r.skipped[need] {
			out = append(out, pipeline.StageAddress(need))
		}
	}
	return out
}

// trace remembers how the stage ended that a root names.
func (r *run) trace(root string, status event.Status) {
	if root == "" {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.roots[root] = status
}

// rootOf is how the stage ended that a root names; empty without a root.
func (r *run) rootOf(root string) event.Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.roots[root]
}

// skip ends a stage that never started.
func (r *run) skip(s *stage, reason, root string) result {
	reason = r.clean(reason, maxLine)
	if root == "" {
		r.mu.Lock()
		r.skipped[s.Name] = true
		r.mu.Unlock()
	}
	// An error here breaks the run and is reported by it.
	_ = r.recordEnd(event.Event{Type: event.StageSkipped, Stage: s.Name, Reason: reason, Unmet: root != "", Because: r.rootOf(root)})
	return result{status: event.Skipped, reason: reason, root: root}
}
