package pipeline

import "github.com/hashicorp/hcl/v2"

// Notify says that the pipeline's team wants to be told of its runs. Where that
// goes is the operator's to say: Target is a name.
type Notify struct {
	Name     string
	Target   string
	On       []Condition
	Branches []string // patterns; empty means all
	Channel  string
	To       []string
	Range    hcl.Range // the block's header
}

// Condition is what has to be so of a run for somebody to be told.
type Condition string

// The conditions.
const (
	RunFailure    Condition = "failure"    // it did not succeed, by itself: failed, errored, denied or interrupted
	RunDenied     Condition = "denied"     // a policy says no
	RunRegression Condition = "regression" // failure, where the last run succeeded
	RunFixed      Condition = "fixed"      // success, where the last run did not succeed
	RunChanged    Condition = "changed"    // another end than the last run's, or there is no last run
	RunSuccess    Condition = "success"    // it succeeded
	RunCancelled  Condition = "cancelled"  // somebody stopped it
	RunWaiting    Condition = "waiting"    // it waits for approval
	RunAlways     Condition = "always"     // it has come to an end, or waits
)

// Conditions are all of them, those first that say most.
func Conditions() []Condition {
	return []Condition{
		RunWaiting, RunRegression, RunFixed, RunDenied, RunFailure, RunCancelled, RunSuccess, RunChanged, RunAlways,
	}
}
