package sdk

import "time"

// PolicyVerdict is what a policy says. Only VerdictPass lets anything through.
type PolicyVerdict int

// The verdicts. The zero value denies.
const (
	VerdictError PolicyVerdict = iota
	VerdictPass
	VerdictDeny
)

// Evaluation is a verdict and its reasons.
type Evaluation struct {
	Verdict     PolicyVerdict
	Violations  []Violation // not empty when the verdict is VerdictDeny
	Warnings    []Violation
	Waived      []Violation
	Rules       []string // identities of all rules that ran, sorted
	Bundles     []Bundle
	Err         string // why the verdict is VerdictError
	Diagnostics Diagnostics
}

// Violation is one rule that says no.
type Violation struct {
	Rule     string
	Message  string
	Subject  string
	Remedy   string
	Controls []string
	Severity string // low, medium, high or critical
	Facts    []string
	Waiver   string
}

// Bundle identifies the rules and data that were evaluated.
type Bundle struct {
	Name     string
	Revision string
	Digest   string // "sha256:<hex>" over its files
	Location string
	LoadedAt time.Time
}
