package engine

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"
)

// Classes of failures that the engine finds itself. Plugins have their own.
const (
	ClassTimeout       = "timeout"           // the attempt took longer than the stage's timeout
	ClassCancelled     = "cancelled"         // the run was cancelled
	ClassDiskFull      = "disk_full"         // no room for the journal or a log
	ClassState         = "state"             // the run could not be recorded
	ClassConfig        = "config_invalid"    // the configuration is wrong, as was found when its values were known
	ClassUnknown       = "config_unknown"    // a value that the configuration needs was never produced
	ClassPlanFailed    = "plan_failed"       // the deployer cannot say what it would apply
	ClassPlanChanged   = "plan_changed"      // it is not what the policy stage judged
	ClassDenied        = "policy_denied"     // a policy says no
	ClassPolicyError   = "policy_error"      // a policy could not be evaluated
	ClassApproval      = "approval_awaited"  // too few have approved the plan so far
	ClassRejected      = "approval_rejected" // somebody has rejected the plan
	ClassProtocol      = "plugin_protocol"   // the plugin broke the contract
	ClassInternal      = "internal"          // the runner is at fault
	ClassOutputInvalid = "output_invalid"    // outputs do not fit the component's schema
	ClassCondition     = "condition_unmet"   // a precondition or postcondition of the stage does not hold
	ClassScratch       = "scratch_unusable"  // no private folder for the attempt
)

// PluginError says that a plugin, not the stage, misbehaved.
type PluginError struct {
	Plugin string
	Class  string // plugin_missing, plugin_untrusted, plugin_crashed, plugin_hung, plugin_protocol
	// LastWords is the end of its standard error, redacted.
	LastWords string
	Err       error
}

// Error names the plugin and what happened.
func (e *PluginError) Error() string { return fmt.Sprintf("plugin %s: %v", e.Plugin, e.Err) }

// Unwrap is the cause.
func (e *PluginError) Unwrap() error { return e.Err }

// RecordError says that the journal cannot be written. The run is over.
type RecordError struct {
	Err error
}

// Error says so.
func (e *RecordError) Error() string { return "record run: " + e.Err.Error() }

// Unwrap is the cause.
func (e *RecordError) Unwrap() error { return e.Err }

// timeoutError is the cause with which an attempt's context ends.
type timeoutError struct {
	limit time.Duration
}

// Error names the limit.
func (e *timeoutError) Error() string { return "the timeout of " + e.limit.String() + " has passed" }

// Is makes it a deadline for whoever looks for one.
func (e *timeoutError) Is(target error) bool { return target == context.DeadlineExceeded }

// classOf is the class of an error of the runner's own.
func classOf(err error) string {
	var record *RecordError
	var plugin *PluginError
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return ClassDiskFull
	case errors.As(err, &record):
		return ClassState
	case errors.As(err, &plugin):
		return plugin.Class
	default:
		return ClassInternal
	}
}
