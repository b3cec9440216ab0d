package engine

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Defaults of Options.
const (
	DefaultCleanup   = 5 * time.Minute
	DefaultLogQuota  = 256 << 20
	DefaultHeartbeat = 15 * time.Second
)

// Options are what an engine works with. Everything without a default is
// required.
type Options struct {
	Plugins   Plugins
	Evaluator Evaluator
	Journal   Journal
	Groups    Groups
	Logs      LogStore
	Blobs     Blobs
	View      View
	Redactor  Redactor
	Gate      Gate
	// Cache knows the results of earlier runs; nil means that nothing is taken
	// from them, or kept for later ones.
	Cache Cache
	// Attester signs how artifacts came to be; without one that is not stated.
	Attester Attester
	// Inputs are what components said about the inputs of stages when the
	// pipeline was checked, by stage name. What was not known then is asked again.
	Inputs map[string]*pluginv1.Inputs

	RunID string
	// Repository is the address of the source repository, without credentials;
	// empty outside one.
	Repository string
	// Scratch is a private folder in which each attempt gets an empty one.
	Scratch string
	// Parallelism is how many stages run at the same time; 0 means as many as
	// there are processors.
	Parallelism int
	// Cleanup is how long stages with run = "always" may take after the run was
	// stopped, unless the pipeline says so; 0 means DefaultCleanup.
	Cleanup time.Duration
	// Drain, when it ends, keeps stages from starting, those with run = "always"
	// excepted, and lets end what runs. Abort, when it ends, stops everything. The
	// context of Run is between the two. Nil means never; a *StopError as the
	// cause says who stops the run.
	Drain, Abort context.Context //nolint:containedctx // they last as long as the run, not a call
	// LogQuota is how many bytes of an attempt's output are kept; 0 means
	// DefaultLogQuota.
	LogQuota int64
	// Heartbeat is the longest silence accepted from a plugin; 0 means
	// DefaultHeartbeat.
	Heartbeat time.Duration
	// Past is what the run goes on from; nil for a run that starts afresh.
	Past *Past
	// History is what stages are compared with that look for changes; without
	// one there is no earlier run.
	History History
	// ApprovalWait is how long a stage waits for approvals in its place, rather
	// than let the run end for now; 0 means not at all.
	ApprovalWait time.Duration
	// CancelRun asks another run to end, for a reason, and returns when that has
	// been heard.
	CancelRun func(ctx context.Context, run, reason string) error
	// ExitCode is the runner's exit code for an outcome, for the record.
	ExitCode func(Outcome) int
}

// Engine runs pipelines.
type Engine struct {
	o Options
}

// New is an engine. It starts nothing.
func New(o Options) (*Engine, error) {
	for name, missing := range map[string]bool{
		"Plugins": o.Plugins == nil, "Evaluator": o.Evaluator == nil, "Journal": o.Journal == nil, "Groups": o.Groups == nil, "CancelRun": o.CancelRun == nil,
		"Logs": o.Logs == nil, "Blobs": o.Blobs == nil, "View": o.View == nil,
		"Redactor": o.Redactor == nil, "Gate": o.Gate == nil,
		"RunID": o.RunID == "", "Scratch": o.Scratch == "",
	} {
		if missing {
			return nil, errors.New("make engine: Options." + name + " is not set")
		}
	}
	if o.Parallelism < 1 {
		o.Parallelism = runtime.GOMAXPROCS(0)
	}
	o.Cleanup = defaulted(o.Cleanup, DefaultCleanup)
	o.LogQuota = defaulted(o.LogQuota, DefaultLogQuota)
	o.Heartbeat = defaulted(o.Heartbeat, DefaultHeartbeat)
	return &Engine{o: o}, nil
}

func defaulted[T int64 | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}

// Outcome is how a run ended.
type Outcome struct {
	// Status is Succeeded, Waiting, Errored, Failed, Denied or Cancelled: of what
	// its stages came to, what is last in this list.
	Status event.Status
	// Denied is set when a policy denied anything, whatever the status.
	Denied   bool
	Duration time.Duration
	Stages   []StageOutcome // in source order
}

// StageOutcome is how a stage ended.
type StageOutcome struct {
	Name    string
	Status  event.Status
	Reason  string         // why it was skipped, or what it waits for
	Failure *event.Failure // why it did not succeed
}
