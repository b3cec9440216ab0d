package sdk

import "time"

// ValidateRequest asks whether a configuration makes sense.
type ValidateRequest struct {
	Config  Config
	WorkDir string // absolute; relative paths of the configuration start here
}

// Request starts one execution.
type Request struct {
	Attempt Attempt
	Config  Config
	Host    *Host
}

// AttachRequest is a statement to be stored beside an artifact.
type AttachRequest struct {
	Request
	Artifact      Artifact
	PredicateType string // a URI
	Envelope      []byte // DSSE, JSON, at most 2 MiB
}

// EvaluateRequest asks a policy for a verdict.
type EvaluateRequest struct {
	Request
	Input []byte // the policy input, JSON, at most 1 MiB
}

// ApplyRequest starts a rollout whose decision has been verified.
type ApplyRequest struct {
	Request
	// Plan is the plan that was decided on. The decision covers its Content and
	// nothing else: act on that alone.
	Plan Plan
}

// ObserveRequest asks where a rollout stands.
type ObserveRequest struct {
	Request
	Handle []byte // as emitted by Apply; empty when Apply did not get that far
	Follow bool   // until the rollout has ended, otherwise once
}

// RollbackRequest starts the way back.
type RollbackRequest struct {
	Request
	Handle []byte
}

// Attempt is what an execution knows about itself.
type Attempt struct {
	ID             string // unguessable; scopes callbacks, marks processes
	Run            string
	Stage          string // address, for example stage.weights
	Number         int    // from 1
	IdempotencyKey string // the same for all attempts at one stage of one run
	WorkDir        string // absolute; its content is input and not trusted
	ScratchDir     string // absolute, private, empty; removed afterwards
	Environment    string
	Source         Source
}

// Source identifies the tree that is released.
type Source struct {
	Commit         string // full id, or empty outside a repository
	Ref            string // full name, or empty
	Clean          bool
	Repository     string // without credentials
	PipelineDigest string // "sha256:<hex>"
}

// Outputs are the values of a schema's outputs by name. Use cty values of the
// declared types; an output that is left out becomes null.
type Outputs map[string]Value

// Grace is how long a component that was asked to stop may take for it. The
// host kills its process tree afterwards.
const Grace = 10 * time.Second
