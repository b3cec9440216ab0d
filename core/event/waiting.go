package event

import "time"

// Wait says what a stage waits for before it can begin or go on: its turn in a
// concurrency group, approvals, or stages that wait themselves.
type Wait struct {
	// Group is the concurrency group that it wants to be alone in.
	Group string `json:"group,omitempty"`
	// Holder is the stage that is in the group.
	Holder *Occupant `json:"holder,omitempty"`
	// Before is how many others wait before it, without the holder.
	Before int `json:"before,omitempty"`
	// Cancelling are the runs that were asked to end for its sake.
	Cancelling []string `json:"cancelling,omitempty"`
	// Approval is what has to be approved.
	Approval *Asked `json:"approval,omitempty"`
	// Changed says what has changed in the plan since approvals were last asked
	// for.
	Changed string `json:"changed,omitempty"`
	// Stages are the addresses of the stages that it needs and that wait.
	Stages []string `json:"stages,omitempty"`
}

// Occupant is a stage of some run in a concurrency group.
type Occupant struct {
	Run   string `json:"run"`
	Stage string `json:"stage"`
	// Since is when it entered; zero when it is just about to.
	Since time.Time `json:"since,omitzero"`
}

// Asked is what has to be approved, and by whom.
type Asked struct {
	PlanDigest string `json:"plan_digest"`
	// DecisionDigest is that of the decision that allows the plan.
	DecisionDigest string   `json:"decision_digest"`
	Environment    string   `json:"environment,omitempty"`
	Required       int      `json:"required"`
	Approvers      []string `json:"approvers,omitempty"` // empty means all that the operator knows
	// Lifetime is how long an approval counts; zero means the operator's default.
	Lifetime Seconds `json:"lifetime_seconds,omitempty"`
	// Approved are the principals whose approval counts already.
	Approved []string `json:"approved,omitempty"`
}

// Approval is what a person has said about a plan, verified.
type Approval struct {
	Verdict     string    `json:"verdict"` // approve or reject
	Principal   string    `json:"principal"`
	Fingerprint string    `json:"fingerprint"` // of the key
	PlanDigest  string    `json:"plan_digest"`
	Reason      string    `json:"reason,omitempty"`
	Time        time.Time `json:"time"`
	Expires     time.Time `json:"expires"`
	// Digest is that of the signed vote, which is a stored blob.
	Digest string `json:"digest,omitempty"`
}
