package engine

import (
	"context"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// Cache knows what stages came to in earlier runs. It never fails a stage: what
// it cannot tell is executed.
type Cache interface {
	// Look finds out whether a stage's result is known. It changes nothing, so
	// that it also tells what would run. It may be called from several
	// goroutines.
	Look(ctx context.Context, q CacheQuery) Lookup
}

// CacheQuery is a stage that has all it needs to run.
type CacheQuery struct {
	Stage *pipeline.Stage
	// Config is the `with` block, wholly known; sensitive places are marked.
	Config      cty.Value
	Environment string
	// Inputs is what the component said about this configuration; nil when it
	// said nothing.
	Inputs *pluginv1.Inputs
	// After is a stage before it that changes something outside; empty when none
	// does. What is tested after a deployment depends on more than its inputs.
	After string
	// Needs are the artifacts of the stages that this one needs: it may read
	// what they made by a path that does not tell that it has changed.
	Needs []NeededArtifact
}

// NeededArtifact is an artifact of a stage that another one needs.
type NeededArtifact struct {
	Stage    string
	Artifact event.Artifact
}

// Lookup is the answer to a query.
type Lookup interface {
	// Found is the result to take over, or nil.
	Found() *FoundResult
	// Why says why there is none, in the user's words: which inputs have changed,
	// or why the stage is never taken from the cache.
	Why() []string
	// Cacheable reports whether the result will be kept when the stage is
	// executed now.
	Cacheable() bool
	// Restore puts the files of what was found into the work folder. After an
	// error the stage has to be executed.
	Restore(ctx context.Context) error
	// Assume has later answers of the same cache take the files of what was
	// found for put back, though they are not: it is for previews.
	Assume()
	// Keep remembers what the stage came to, for later runs. The error says why
	// that is not possible; the stage's own end does not depend on it.
	Keep(ctx context.Context, run string, made MadeResult) error
}

// StageResult is what a stage came to, as the journal says it.
type StageResult struct {
	Outputs      []byte // as in event.Finish
	Report       *event.Report
	Artifacts    []event.Artifact
	Attestations []event.Attestation
}

// FoundResult is a result of an earlier run.
type FoundResult struct {
	StageResult
	Cached event.Cached
	// Duration is how long it took to make.
	Duration event.Seconds
}

// MadeResult is a result that has just been made.
type MadeResult struct {
	StageResult
	Duration event.Seconds
	// Files are what the component left in the work folder.
	Files []*pluginv1.ResultFile
}
