// Package preview is what a run would do, as far as that can be said before it:
// the answer of `runner plan`. It is a leaf, and records nothing.
//
// Its JSON form is a stable contract, version 1: fields are added, never
// renamed or removed.
package preview

import (
	"github.com/stagegate/stagegate/core/event"
)

// Preview is the whole answer.
type Preview struct {
	Schema      int    `json:"schema"`
	Pipeline    string `json:"pipeline"`
	Description string `json:"description,omitempty"`
	Digest      string `json:"pipeline_digest"`
	Commit      string `json:"commit,omitempty"`
	Ref         string `json:"ref,omitempty"`
	Clean       bool   `json:"clean"`
	// Variables are JSON values; sensitive ones are "(sensitive)".
	Variables map[string]string `json:"variables,omitempty"`
	// Targets are the stages that were asked for, and Whole is how many stages the
	// pipeline has then; both are empty for all of it.
	Targets []string `json:"targets,omitempty"`
	Whole   int      `json:"pipeline_stages,omitempty"`
	// Timeout bounds the run.
	Timeout event.Seconds `json:"timeout_seconds,omitempty"`
	// Stages are in the order in which they can start.
	Stages  []*Stage `json:"stages"`
	Summary Summary  `json:"summary"`
}

// Action is what becomes of a stage.
type Action string

// The actions.
const (
	Run       Action = "run"     // it starts once its needs have ended well
	Cached    Action = "cached"  // its result is there already
	Skip      Action = "skip"    // it will not start, whatever happens
	Undecided Action = "unknown" // it depends on how the run goes
)

// Stage is what is known about one stage.
type Stage struct {
	Name    string   `json:"name"`
	Address string   `json:"address"`
	Uses    string   `json:"uses"`
	Kind    string   `json:"kind"`
	Action  Action   `json:"action"`
	Reason  string   `json:"reason"`
	Needs   []string `json:"needs,omitempty"` // names
	// Cached is the result that is taken over; Uncached says why there is none,
	// one change each.
	Cached   *event.Cached `json:"cached,omitempty"`
	Uncached []string      `json:"uncached,omitempty"`
	// Arguments are the `with` block, flattened; what is null is left out.
	Arguments   []Argument `json:"arguments,omitempty"`
	Environment *Argument  `json:"environment,omitempty"`
	Limits
	// Secrets are the names of those that the stage may read.
	Secrets []string `json:"secrets,omitempty"`
	// Judges are the deployer stages whose plans a policy stage judges; JudgedBy
	// are the policy stages that judge a deployer's, beside the operator's
	// policies.
	Judges   []string `json:"judges,omitempty"`
	JudgedBy []string `json:"judged_by,omitempty"`
	// Deployment is what a deployer would do; nil for other stages, and for one
	// that is skipped.
	Deployment *Deployment `json:"deployment,omitempty"`
	// Decision is what policy would say: of each deployer stage, and of a policy
	// stage that judges no plan.
	Decision *Decision `json:"decision,omitempty"`
	// Problems are what is known to be wrong. With an error among them the stage
	// would fail.
	Problems []event.Diagnostic `json:"problems,omitempty"`
}

// Failing reports whether the stage is known to fail.
func (s *Stage) Failing() bool {
	for _, p := range s.Problems {
		if p.Severity == "error" {
			return true
		}
	}
	return s.Deployment != nil && s.Deployment.State == Failed
}

// Limits are what the runner keeps to while the stage runs.
type Limits struct {
	Timeout     event.Seconds `json:"timeout_seconds,omitempty"`
	Retry       *Retry        `json:"retry,omitempty"`
	Concurrency *Concurrency  `json:"concurrency,omitempty"`
	Approval    *Approval     `json:"approval,omitempty"`
}

// Retry says how often a transient failure is tried again.
type Retry struct {
	Attempts int           `json:"attempts"`
	Backoff  event.Seconds `json:"backoff_seconds"`
}

// Concurrency says which stages, of all runs, do not run at the same time.
type Concurrency struct {
	Group string `json:"group"`
	Mode  string `json:"mode"` // queue, cancel_older
}

// Approval says who has to agree with the plan.
type Approval struct {
	Required  int           `json:"required"`
	Approvers []string      `json:"approvers,omitempty"` // empty means all that the operator knows
	Expires   event.Seconds `json:"expires_seconds,omitempty"`
}
