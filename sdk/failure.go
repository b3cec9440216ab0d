package sdk

import "errors"

// Failure says why an execution did not succeed, in words for the user.
type Failure struct {
	Summary   string // one line, no full stop
	Detail    string // why, and what to do about it
	Class     string // stable, for example threshold_missed
	Transient bool   // the same may succeed later; only then it is retried
	ExitCode  int    // of the stage's command, when that is the reason
	// Broken says that the component could not do its work, as opposed to
	// having done it with the answer no.
	Broken bool
	Cause  error
}

// Error is the summary and the cause.
func (f *Failure) Error() string {
	if f.Cause != nil {
		return f.Summary + ": " + f.Cause.Error()
	}
	return f.Summary
}

// Unwrap is the cause.
func (f *Failure) Unwrap() error { return f.Cause }

// ErrNothingApplied is returned by Deployer.Observe when nothing of the
// rollout is there, so that it may be started.
var ErrNothingApplied = errors.New("nothing was applied")

// ErrNoHost is returned by the methods of a nil *Host.
var ErrNoHost = errors.New("the runner offers no host service")
