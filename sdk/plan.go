package sdk

import (
	"crypto/sha256"
	"encoding/hex"
	"time"
)

// PlanResult is a plan and what the deployer knows about it.
type PlanResult struct {
	Plan        Plan
	Facts       []Fact
	Diagnostics Diagnostics
}

// Plan is what a deployer will apply, to the byte.
type Plan struct {
	Digest    string // "sha256:<hex>" of Content
	MediaType string
	// Content is canonical: equal plans have equal bytes. At most 2 MiB. It
	// holds everything that Apply acts on, and never a secret.
	Content     []byte
	Changes     []Change
	Environment string
	Target      string // where it goes, for people
	// Notes are what the plan rests on, for people, a line each; at most 50.
	// They may differ between two plans of one digest.
	Notes []string
}

// NewPlan is a plan over content, with its digest.
func NewPlan(mediaType string, content []byte) Plan {
	sum := sha256.Sum256(content)
	return Plan{
		Digest:    "sha256:" + hex.EncodeToString(sum[:]),
		MediaType: mediaType,
		Content:   content,
	}
}

// Change is what a plan does to one object.
type Change struct {
	Action ChangeAction
	Object string
	Diff   string // for people, without secrets
	// Digest of the object as it will be applied; optional. It tells which
	// objects differ between two plans, whatever the cluster holds.
	Digest string
}

// ChangeAction says what happens to an object.
type ChangeAction int

// The actions.
const (
	ActionCreate ChangeAction = iota + 1
	ActionUpdate
	ActionDelete
	ActionNone
	ActionUnknown // whether it exists could not be seen
)

// Fact is one typed input of a policy.
type Fact struct {
	Name      string // dotted place in the policy input
	State     FactState
	Value     []byte // JSON; empty unless verified or declared
	Source    string
	CheckedAt time.Time
}

// FactState says how well a fact is known.
type FactState int

// The states. The zero value is unknown.
const (
	FactUnknown  FactState = iota // could not be found out
	FactVerified                  // the collector saw it
	FactDeclared                  // somebody with authority says so
	FactAbsent                    // looked for and not there
)

// Rollout says where a release stands in its environment.
type Rollout struct {
	Phase      RolloutPhase
	Message    string
	Replicas   int
	Ready      int
	Placements []Placement
}

// RolloutPhase is the state of a rollout.
type RolloutPhase int

// The phases.
const (
	Progressing RolloutPhase = iota + 1
	Paused
	Healthy
	Degraded
	RolledBack
)

// Placement is one replica on one node.
type Placement struct {
	Replica string
	Node    string           // empty while it has none
	Devices map[string]int64 // accelerators by resource name
	Ready   bool
}
