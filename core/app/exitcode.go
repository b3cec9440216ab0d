package app

import (
	"github.com/spf13/pflag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
)

// The exit codes are a contract: scripts and hooks rely on them.
const (
	exitDone        = 0
	exitInternal    = 1 // the runner could not do its work
	exitUsage       = 2 // usage or configuration
	exitFailed      = 3 // a stage failed
	exitDenied      = 4 // a policy denied
	exitWaiting     = 5 // people have to approve first
	exitInterrupted = 130
)

// flagValue is a flag of the library below cobra.
type flagValue = pflag.Flag

// exitError carries an exit code; err is shown unless it is nil.
type exitError struct {
	code int
	err  error
}

// Error is the message.
func (e *exitError) Error() string {
	if e.err == nil {
		return "exit"
	}
	return e.err.Error()
}

// Unwrap is the cause.
func (e *exitError) Unwrap() error { return e.err }

func usage(err error) error { return &exitError{code: exitUsage, err: err} }

// errShown says that everything has been said already.
func errShown(code int) error { return &exitError{code: code} }

// exitCode is what the outcome of a run means for scripts. A cancellation
// counts most, then a denial: both are decisions of somebody.
func exitCode(o engine.Outcome) int {
	switch {
	case o.Status == event.Cancelled:
		return exitInterrupted
	case o.Denied || o.Status == event.Denied:
		return exitDenied
	case o.Status == event.Succeeded:
		return exitDone
	case o.Status == event.Waiting:
		return exitWaiting
	default:
		return exitFailed
	}
}
