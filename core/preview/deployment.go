package preview

import "github.com/stagegate/stagegate/core/event"

// State says how much is known of a deployment.
type State string

// The states.
const (
	Planned  State = "planned"   // the deployer has made its plan
	Later    State = "later"     // the plan is made during the run: see Awaits
	Failed   State = "failed"    // the deployer could not make its plan
	NotAsked State = "not_asked" // nobody asked the deployer
)

// Deployment is what a deployer would change. Its plan is never stored and
// never applied: a run has it made again.
type Deployment struct {
	State State       `json:"state"`
	Plan  *event.Plan `json:"plan,omitempty"`
	// Awaits are the stages whose outputs the plan needs.
	Awaits  []string       `json:"awaits,omitempty"`
	Failure *event.Failure `json:"failure,omitempty"`
}

// Verdict is what policy would say.
type Verdict string

// The verdicts.
const (
	Allow   Verdict = "allow"   // nothing is against it, and nothing is left to find out
	Deny    Verdict = "deny"    // something is against it that the run does not change
	Unknown Verdict = "unknown" // it depends on facts that the run makes
	Fault   Verdict = "error"   // a policy could not be asked
)

// Decision is what policy would say with what is known now. It is not signed,
// and nothing can be applied with it.
type Decision struct {
	Verdict  Verdict  `json:"verdict"`
	Policies []string `json:"policies"`
	Rules    []string `json:"rules"`
	// Violations hold whatever the run makes.
	Violations []event.Violation `json:"violations,omitempty"`
	// Open are findings that rest on facts that the run makes.
	Open     []Open            `json:"open,omitempty"`
	Warnings []event.Violation `json:"warnings,omitempty"`
	Waived   []event.Violation `json:"waived,omitempty"`
	// Refused are waivers of violated rules that do not count, and why.
	Refused []string `json:"refused_waivers,omitempty"`
	// Awaits are the facts that are not known before the run.
	Awaits []Awaited `json:"awaits,omitempty"`
	Error  string    `json:"error,omitempty"`
}

// Open is a finding that may go away, or not.
type Open struct {
	event.Violation
	// Awaits are the facts that it waits for.
	Awaits []string `json:"awaits"`
}

// The facts that a run makes.
const (
	FactArtifacts   = "artifacts"          // what stages build
	FactEvals       = "evals"              // what stages measure
	FactPlan        = "target.plan"        // the plan, and all that the deployer says with it
	FactEnvironment = "target.environment" // where the plan goes
	FactRules       = "rules"              // the rules of a policy stage
)

// Awaited is something that policy needs and the run makes.
type Awaited struct {
	Fact string   `json:"fact"`
	From []string `json:"from"` // addresses of the stages that make it
	// More is how many more stages make it.
	More int `json:"more,omitempty"`
}
