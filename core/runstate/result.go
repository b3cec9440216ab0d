package runstate

import (
	"fmt"
	"time"

	"github.com/stagegate/stagegate/core/event"
)

// Result is what a stage came to in some run, and what that depended on.
type Result struct {
	// Scope separates those who must not take results over from each other.
	Scope    string `json:"scope"`
	Pipeline string `json:"pipeline"`
	Stage    string `json:"stage"`
	Uses     string `json:"uses"`
	// Key is "sha256:<hex>" over all inputs.
	Key      string        `json:"key"`
	Run      string        `json:"run"` // that made it
	Made     time.Time     `json:"made"`
	Duration event.Seconds `json:"duration_seconds"`
	// Inputs are what the key is made of, sorted by name.
	Inputs       []ResultInput       `json:"inputs"`
	Outputs      []byte              `json:"outputs,omitempty"` // cty JSON with types
	Report       *event.Report       `json:"report,omitempty"`
	Artifacts    []event.Artifact    `json:"artifacts,omitempty"`
	Attestations []event.Attestation `json:"attestations,omitempty"`
	// Files belong into the work folder; their contents are blobs.
	Files []ResultFile `json:"files,omitempty"`
}

// ResultInput is one thing that a result depended on.
type ResultInput struct {
	Name   string `json:"name"` // in the user's words
	Digest string `json:"digest"`
}

// ResultFile is a file that a stage left in the work folder.
type ResultFile struct {
	Path       string `json:"path"`
	Digest     string `json:"digest"`
	Size       int64  `json:"size"`
	Executable bool   `json:"executable,omitempty"`
	// Shared says that others write to it too.
	Shared bool `json:"shared,omitempty"`
}

// Results keeps results of stages by what they depended on. Nothing in it is
// needed for a run to be right: it may be pruned at any time, and what is
// damaged is never taken for a result.
type Results interface {
	// Find is the result of a stage of a scope with a key. It returns
	// ErrNotFound, or a *DamagedError.
	Find(scope, stage, key string) (*Result, error)
	// Latest is the one of a stage's results that was made or used last. It
	// returns ErrNotFound, or a *DamagedError.
	Latest(scope, stage string) (*Result, error)
	// Put keeps a result, in one step. It replaces one with the same key.
	Put(r Result) error
	// Use says that a result was taken over, so that it is pruned later.
	Use(scope, stage, key string) error
	// List gives all results, those used last first; a damaged one with its
	// damage.
	List() ([]StoredResult, error)
	// Prune removes what is beyond the limits, and gives the number of results
	// removed. Blobs stay: runs refer to them too.
	Prune(l ResultLimits) (int, error)
	// Secret is a key of this store, for digests of what must not be guessed
	// from them. It is made when it is first asked for, and stays the same.
	Secret() ([]byte, error)
}

// ResultLimits bound what is kept; zero means no limit.
type ResultLimits struct {
	Count int
	Age   time.Duration // since it was made or used
	Now   time.Time
	// Damaged has all of them read, and those removed that are damaged.
	Damaged bool
	// Every has nothing done when it was done less than this ago.
	Every time.Duration
}

// StoredResult is a result as it is kept.
type StoredResult struct {
	Result
	Used   time.Time // when it was made, or taken over last
	Size   int64     // bytes that it takes, without blobs
	Damage error     // why it cannot be trusted; Result is empty then
}

// DamagedError says that a kept result is not what was written.
type DamagedError struct {
	Path   string
	Reason string
}

// Error names the file.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("read result %s: it is damaged: %s", e.Path, e.Reason)
}
