// Package pipeline is the decoded definition of a pipeline: what its files
// say, before anything runs. It is a leaf: no I/O, and nothing of ours but the
// wire contract.
package pipeline

import (
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Pipeline is a decoded pipeline.
type Pipeline struct {
	Name        string
	Description string
	Root        string   // absolute path of the folder that relative paths start in
	Digest      string   // "sha256:<hex>" over the names and contents of its files
	Stages      []*Stage // in source order
	// Timeout bounds the run, and CleanupTimeout its stages with run = "always"
	// after it was stopped; 0 means the runner's defaults.
	Timeout        time.Duration
	CleanupTimeout time.Duration
	// FailFast stops the run at the first stage that does not succeed.
	FailFast bool
}

// Stage is the definition of one step.
type Stage struct {
	// Name is the address without its leading "stage.", and unique in the
	// pipeline: train, train["a"] for an instance of a block with for_each,
	// module.m.stage.train inside a module.
	Name string
	// Block is the name of the block that the stage is an instance of; the
	// stage's own where it is the only one.
	Block     string
	Component ComponentRef
	// Schema is what the plugin says about the component.
	Schema *pluginv1.Component
	// Needs are the names of all stages that must come first, explicit and by
	// reference, sorted.
	Needs   []string
	Timeout time.Duration // 0 means none
	Retry   Retry
	Run     RunMode
	// Concurrency is zero when the stage may run beside any other.
	Concurrency Concurrency
	// Approval is nil when nobody has to approve.
	Approval *Approval
	// NoCache keeps the stage from being answered from the cache.
	NoCache bool
	// Secrets are the names that the stage's expressions pass to secret(…).
	Secrets []string
	// Range is the block's header, for messages.
	Range hcl.Range
}

// Address is how the language names the stage.
func (s *Stage) Address() string { return StageAddress(s.Name) }

const stagePrefix, modulePrefix = "stage.", "module."

// StageAddress is the address of the stage of a name.
func StageAddress(name string) string {
	if strings.HasPrefix(name, modulePrefix) {
		return name
	}
	return stagePrefix + name
}

// StageName is the name of the stage of an address; a name is taken as it is.
func StageName(address string) string { return strings.TrimPrefix(address, stagePrefix) }

// ComponentRef is `uses = "<plugin>.<component>"`.
type ComponentRef struct {
	Plugin string
	Name   string
	Range  hcl.Range
}

// String is the form in the language.
func (c ComponentRef) String() string { return c.Plugin + "." + c.Name }

// Retry says how often a transient failure is tried again.
type Retry struct {
	Attempts int           // in all; 1 means no retry
	Backoff  time.Duration // before the second attempt; doubles with each
}

// RunMode says on which outcome of its needs a stage runs.
type RunMode int

// The run modes.
const (
	OnSuccess    RunMode = iota // all needs succeeded
	OnFailure                   // at least one need failed
	Always                      // whatever happened, cancellation included
	OnChanged                   // the needs came to another end than in the last run
	OnFixed                     // the needs succeeded, and did not in the last run
	OnRegression                // a need failed, and none did in the last run
)

// Concurrency says which stages, of all runs, may not run at the same time.
type Concurrency struct {
	Group string // empty means none
	// CancelOlder ends the runs that hold the group or wait for it, rather than
	// wait for them.
	CancelOlder bool
}

// Approval says who has to agree with a deployer stage's plan.
type Approval struct {
	Required  int      // how many, at least 1
	Approvers []string // principals whose voice counts; empty means all that the operator knows
	// Expires is how long a voice counts; 0 means the operator's default.
	Expires time.Duration
}

// PluginRequirement is an entry of the `plugins` block, or the implicit
// requirement of a first-party plugin.
type PluginRequirement struct {
	Name    string
	Source  string // empty for first-party plugins
	Version string // constraint, empty for any
	Range   hcl.Range
}

// ParseComponentRef reads the form in the language, and whether it is one.
func ParseComponentRef(s string) (ComponentRef, bool) {
	plugin, name, ok := strings.Cut(s, ".")
	return ComponentRef{Plugin: plugin, Name: name}, ok && plugin != "" && name != "" && !strings.Contains(name, ".")
}
