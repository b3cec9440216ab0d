package engine

import (
	"context"
	"io"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// Evaluator gives expressions their values once the stages that they refer to
// have ended. Outputs holds, by stage name, the object of outputs of those of
// the stage's needs that have succeeded; a stage that is missing there is
// unknown. It is called from several goroutines.
type Evaluator interface {
	// When is the value of the stage's `when`; why says so in the user's words.
	// A stage without one is wanted.
	When(stage *pipeline.Stage, outputs map[string]cty.Value) (wanted bool, why string, diags diag.List)
	// Environment is the stage's environment, or empty.
	Environment(stage *pipeline.Stage, outputs map[string]cty.Value) (string, diag.List)
	// With is the stage's `with` block; sensitive places are marked.
	With(stage *pipeline.Stage, outputs map[string]cty.Value) (cty.Value, diag.List)
	// Precondition and Postcondition say which of the stage's conditions are not
	// met, each in the user's words; self is what the stage has made.
	Precondition(stage *pipeline.Stage, outputs map[string]cty.Value) (unmet, diags diag.List)
	Postcondition(stage *pipeline.Stage, outputs map[string]cty.Value, self cty.Value) (unmet, diags diag.List)
	// Place finds the source range of a plugin's attribute path.
	Place(stage *pipeline.Stage, d *pluginv1.Diagnostic) diag.Diagnostic
}

// Plugins runs components. Every method starts the plugin when it is first
// needed. An error is about the plugin itself (it crashed, it hung, it spoke
// nonsense) and is a *PluginError; everything else is in the message.
type Plugins interface {
	Validate(ctx context.Context, c pipeline.ComponentRef, kind pluginv1.Kind, req *pluginv1.ValidateRequest) (*pluginv1.ValidateResponse, error)
	// Execute streams one attempt of a builder or tester, or the Apply, Observe
	// or Rollback of a deployer. It hands each event to sink in order, checked
	// for sequence, size and count, and returns the result. When ctx ends it
	// asks the plugin to stop, waits for the grace period, and then kills the
	// processes of the attempt.
	Execute(ctx context.Context, call Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error)
	Plan(ctx context.Context, c pipeline.ComponentRef, req *pluginv1.PlanRequest, scope Scope) (*pluginv1.PlanResponse, error)
	Evaluate(ctx context.Context, c pipeline.ComponentRef, req *pluginv1.EvaluateRequest, scope Scope) (*pluginv1.EvaluateResponse, error)
	// Attach has a builder store a statement beside what it has made.
	Attach(ctx context.Context, c pipeline.ComponentRef, req *pluginv1.AttachRequest, scope Scope) (*pluginv1.AttachResponse, error)
}

// Call is one streaming execution. Exactly one request is set.
type Call struct {
	Component pipeline.ComponentRef
	Build     *pluginv1.BuildRequest
	Test      *pluginv1.TestRequest
	Apply     *pluginv1.ApplyRequest
	Observe   *pluginv1.ObserveRequest
	Rollback  *pluginv1.RollbackRequest
	Scope     Scope
}

// Scope is what the plugin may ask of the host during one attempt.
type Scope struct {
	AttemptID string
	// Secrets are the names that the stage mentions.
	Secrets []string
}

// Journal keeps durable events, in order. When Append returns nil all of them
// are on disk; calls from several goroutines may share one write. After an error
// that wraps syscall.ENOSPC or EDQUOT the run is over, but its end may still be
// recorded: Append is called again, and may work.
type Journal interface {
	Append(ctx context.Context, events ...event.Event) error
	// Note writes events that become durable with the next Append. It is for
	// what may happen again after a power failure: the start of a pure stage.
	Note(ctx context.Context, events ...event.Event) error
}

// Groups lets the stages of a concurrency group run one at a time, among all
// runs.
type Groups interface {
	// Enter waits until a stage is alone in a group, first come first in. Waiting
	// is told what it waits for, and the runs that come before it; again when
	// that changes.
	Enter(ctx context.Context, group, stage string, waiting func(w event.Wait, runs []string)) (leave func() error, err error)
}

// History knows how stages ended in earlier runs.
type History interface {
	// Last is the newest run before this one, of the same pipeline, repository
	// and ref, that came to an end which nobody had asked for, and in which all of
	// the stages had an outcome. It is nil when there is none, as far back as is
	// looked.
	Last(ctx context.Context, of event.Run, stages []string) (*LastRun, error)
}

// Blobs keeps immutable content by digest.
type Blobs interface {
	// Put stores what r yields, durably. Nothing is stored when r fails.
	Put(ctx context.Context, r io.Reader) (digest string, size int64, err error)
}

// LogStore keeps the output of attempts.
type LogStore interface {
	// StageLog appends to the log of one attempt; Close makes it durable.
	StageLog(stage string, attempt int) (io.WriteCloser, error)
}

// View shows events while they happen, one at a time and in order. A view that
// is slow misses output and progress, never anything else; it does not hold up
// the run.
type View interface {
	Show(e event.Event)
}

// Redactor takes secrets out of a stream before its first byte is stored.
type Redactor interface {
	// Stream starts a stream that may split a secret over several writes; Flush
	// hands on what was held back. What next receives is its own until it
	// returns.
	Stream(next func([]byte) error) RedactedStream
	// Text redacts a whole string.
	Text(s string) string
	// Add registers a secret and its usual encodings. It returns an error when
	// the value is too short to be masked without hiding ordinary words.
	Add(secret string) error
}

// RedactedStream is one redacted stream.
type RedactedStream interface {
	Write(p []byte) (int, error)
	Flush() error
}

// Gate decides on plans. It is asked twice: at a policy stage, and again
// before Apply.
type Gate interface {
	// Decide collects the facts, evaluates the operator's policies and those of
	// the given policy stages, and signs the decision. A policy that says no or
	// cannot be evaluated is a Decision; an error is about the gate itself, and
	// nothing is deployed. The engine stores envelope and input as blobs and
	// puts their digests into the event.
	Decide(ctx context.Context, req DecisionRequest) (*Decision, error)
	// Approvals verifies all votes on a run, and counts those about this plan. An
	// error is about the gate itself, and nothing is deployed.
	Approvals(ctx context.Context, req ApprovalRequest) (*Tally, error)
}

// Attester signs in-toto Statements about what the runner itself has seen.
type Attester interface {
	// Attest makes the DSSE envelope of a statement.
	Attest(statement []byte) (envelope []byte, err error)
}

// ApprovalRequest is a plan that has to be approved.
type ApprovalRequest struct {
	RunID       string
	Actor       string          // the account that started the run
	Stage       *pipeline.Stage // with its Approval
	Environment string
	PlanDigest  string
}

// Tally is what was said about a plan.
type Tally struct {
	Approved []Voice
	Rejected []Voice
	Ignored  []string // votes that do not count, and why
}

// Voice is a verified vote.
type Voice struct {
	Event event.Approval
	Vote  []byte // as it was signed
}

// DecisionRequest is a plan and everything known about it.
type DecisionRequest struct {
	RunID    string
	Stage    *pipeline.Stage   // the deployer stage; nil when nothing is deployed
	Attempt  *pluginv1.Attempt // in flight: its id may scope calls of plugins
	Plan     *pluginv1.Plan    // nil when nothing is deployed
	Facts    []*pluginv1.Fact
	Evidence Evidence
	// Policies are the pipeline's own, each with its configuration.
	Policies []PolicyCall
}

// PolicyCall is one policy stage's component and configuration.
type PolicyCall struct {
	Stage     string
	Component pipeline.ComponentRef
	Config    *pluginv1.DynamicValue
	// Secrets are the names that the stage mentions.
	Secrets []string
}

// Evidence is what the run has made and measured so far.
type Evidence struct {
	Artifacts []event.Artifact
	// Attestations are statements about artifacts, not verified yet.
	Attestations []event.Attestation
	Reports      []StageReport
	Run          event.Run
}

// StageReport is a tester stage's report on an artifact.
type StageReport struct {
	Stage          string
	ArtifactDigest string // the artifact in the tester's configuration, if one
	Report         event.Report
}

// Decision is a signed verdict.
type Decision struct {
	Event    event.Decision
	Envelope []byte // DSSE, JSON; empty unless the verdict is allow
	Input    []byte // the document that was judged; empty when there was none
}
