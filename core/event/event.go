// Package event is the only vocabulary of progress: what the engine says, what
// the journal keeps and what every view shows. It is a leaf.
//
// Its JSON form is a stable contract, version 1: fields are added, never
// renamed or removed. Every event has "type", "time" and "run"; the rest
// depends on the type.
package event

import "time"

// Type names what happened.
type Type string

// The types. Those marked durable are in the journal.
const (
	RunStarted       Type = "run_started"       // durable; Run
	RunResumed       Type = "run_resumed"       // durable; Run, Reason
	StageReady       Type = "stage_ready"       // its needs are met
	StageWaiting     Type = "stage_waiting"     // durable when it begins; Reason, Waiting
	StageSkipped     Type = "stage_skipped"     // durable; Reason, Unmet, Because
	AttemptStarted   Type = "attempt_started"   // durable; Attempt
	AttemptFinished  Type = "attempt_finished"  // durable; Attempt, Finish
	StageRetrying    Type = "stage_retrying"    // Reason, Delay
	StageFinished    Type = "stage_finished"    // durable; Finish
	StageLog         Type = "stage_log"         // Log; kept in log files
	StageProgress    Type = "stage_progress"    // Progress
	StageArtifact    Type = "stage_artifact"    // durable; Artifact
	StageMetric      Type = "stage_metric"      // Metric
	StageHandle      Type = "stage_handle"      // durable; Handle
	StageDiagnostic  Type = "stage_diagnostic"  // Diagnostic
	StageAttestation Type = "stage_attestation" // durable; Attestation
	PlanMade         Type = "plan_made"         // durable; Plan
	DecisionMade     Type = "decision_made"     // durable; Decision
	ApplyStarted     Type = "apply_started"     // durable; from here on something outside may have changed
	ApprovalCounted  Type = "approval_counted"  // durable; Approval
	RunCancelling    Type = "run_cancelling"    // durable; Mode, By, Reason
	RunStopping      Type = "run_stopping"      // durable; Reason
	RunFinished      Type = "run_finished"      // durable; Finish
)

// Event is one thing that happened.
type Event struct {
	Type    Type      `json:"type"`
	Time    time.Time `json:"time"`
	RunID   string    `json:"run"`
	Stage   string    `json:"stage,omitempty"` // pipeline.Stage.Name
	Attempt int       `json:"attempt,omitempty"`

	Run         *Run         `json:"run_info,omitempty"`
	Reason      string       `json:"reason,omitempty"`
	Unmet       bool         `json:"unmet,omitempty"` // it was skipped because something before it did not succeed
	Mode        StopMode     `json:"mode,omitempty"`
	By          string       `json:"by,omitempty"`      // who stopped the run, where it is known
	Because     Status       `json:"because,omitempty"` // how the stage ended that is why
	Delay       Seconds      `json:"delay_seconds,omitempty"`
	Finish      *Finish      `json:"finish,omitempty"`
	Log         *Log         `json:"log,omitempty"`
	Progress    *Progress    `json:"progress,omitempty"`
	Artifact    *Artifact    `json:"artifact,omitempty"`
	Metric      *Metric      `json:"metric,omitempty"`
	Handle      []byte       `json:"handle,omitempty"`
	Diagnostic  *Diagnostic  `json:"diagnostic,omitempty"`
	Attestation *Attestation `json:"attestation,omitempty"`
	Plan        *Plan        `json:"plan,omitempty"`
	Decision    *Decision    `json:"decision,omitempty"`
	Approval    *Approval    `json:"approval,omitempty"`
	Waiting     *Wait        `json:"waiting,omitempty"`
}

// Seconds is a duration in seconds.
type Seconds float64

// Run describes a run at its start.
type Run struct {
	Pipeline    string            `json:"pipeline"`
	Description string            `json:"description,omitempty"`
	Root        string            `json:"root"`
	Digest      string            `json:"pipeline_digest"`
	Commit      string            `json:"commit,omitempty"`
	Ref         string            `json:"ref,omitempty"`
	Clean       bool              `json:"clean"`
	Runner      string            `json:"runner_version"`
	Variables   map[string]string `json:"variables,omitempty"` // JSON values; sensitive ones as "(sensitive)"
	Stages      []StageInfo       `json:"stages"`
	// Repository is the address of the source repository, without credentials.
	Repository string `json:"repository,omitempty"`
	// PushedTo is the local repository that the commit was pushed to, when that
	// has started the run.
	PushedTo string `json:"pushed_to,omitempty"`
	// Targets are what the user wanted of the pipeline, with all that it needs;
	// empty means everything. Whole is how many stages the pipeline has then.
	Targets     []string `json:"targets,omitempty"`
	Whole       int      `json:"pipeline_stages,omitempty"`
	Trigger     string   `json:"trigger,omitempty"` // empty means by hand
	Actor       string   `json:"actor,omitempty"`   // the account that started it
	Parallelism int      `json:"parallelism"`
	// What follows is what it takes, with the fields above, to go on with the run
	// with the same inputs.

	// Cwd is the folder in which the user was.
	Cwd string `json:"cwd,omitempty"`
	// Snapshot is the digest of a stored blob with all files that loading the
	// pipeline has read.
	Snapshot string `json:"snapshot,omitempty"`
	// StartedAt is run.started_at of the language.
	StartedAt time.Time `json:"started_at,omitzero"`
	// Sealed are keyed hashes of the sensitive variables' values.
	Sealed map[string]string `json:"sealed,omitempty"`
	// Restarted says that results of another run were taken over.
	Restarted *Restart `json:"restarted,omitempty"`
}

// Restart says where a run has taken results over from.
type Restart struct {
	Run    string   `json:"run"`
	Stages []string `json:"stages"` // those from which on it runs again
	// TakenOver is the number of events behind the first one that say what was
	// taken over.
	TakenOver int `json:"taken_over"`
}

// StageInfo describes a stage at the start of a run.
type StageInfo struct {
	Name  string   `json:"name"`
	Uses  string   `json:"uses"`
	Kind  string   `json:"kind"`
	Needs []string `json:"needs,omitempty"`
	// PluginDigest is "sha256:<hex>" of the plugin's binary.
	PluginDigest string `json:"plugin_digest,omitempty"`
}

// Status is how a stage or run ended.
type Status string

// The statuses.
const (
	Succeeded Status = "succeeded"
	Failed    Status = "failed"    // what was run says no
	Errored   Status = "errored"   // it could not be run
	Denied    Status = "denied"    // a policy says no
	Cancelled Status = "cancelled" // somebody stopped it
	Skipped   Status = "skipped"   // it had no reason to run
	Waiting   Status = "waiting"   // it goes on once something has happened elsewhere
	Unknown   Status = "unknown"   // the runner died while it ran
)

// Finish is how an attempt, stage or run ended.
type Finish struct {
	Status   Status   `json:"status"`
	Duration Seconds  `json:"duration_seconds"`
	Failure  *Failure `json:"failure,omitempty"`
	// Outputs are the stage's outputs, cty JSON with types; sensitive values
	// are not in it.
	Outputs  []byte   `json:"outputs,omitempty"`
	LogBytes int64    `json:"log_bytes,omitempty"`
	Report   *Report  `json:"report,omitempty"`
	Rollout  *Rollout `json:"rollout,omitempty"`
	ExitCode int      `json:"exit_code,omitempty"` // of the run, section "exit codes"
	// Withheld names the outputs that are sensitive, wholly or in part: what
	// Outputs says of them is not what other stages got.
	Withheld []string `json:"withheld,omitempty"`
	// Unanswered says that the plugin did not tell how it ended, so that what it
	// had begun outside may or may not be done.
	Unanswered bool `json:"unanswered,omitempty"`
	// Observed says that the stage was found to have ended like this after an
	// interruption, and that nothing was applied again.
	Observed bool `json:"observed,omitempty"`
	// From is the run in which it was done, when it was taken over from there.
	From string `json:"from,omitempty"`
	// Cached says that the stage was not executed: its result is that of an
	// earlier run.
	Cached *Cached `json:"cached,omitempty"`
	// Uncached says why a stage that could have been taken from the cache was
	// executed.
	Uncached string `json:"uncached,omitempty"`
}

// Cached names the result that was taken over.
type Cached struct {
	Run  string    `json:"run"` // that made it
	Made time.Time `json:"made"`
	// Key is the digest of all that the result depends on.
	Key string `json:"key"`
}

// Failure says why.
type Failure struct {
	Summary   string `json:"summary"`
	Detail    string `json:"detail,omitempty"`
	Class     string `json:"class,omitempty"`
	Transient bool   `json:"transient,omitempty"`
	ExitCode  int    `json:"exit_code,omitempty"` // of the stage's command
}

// Log is a chunk of output, already redacted.
type Log struct {
	Stream string `json:"stream"` // stdout or stderr
	Data   []byte `json:"data"`
}

// Progress says how far a long operation is.
type Progress struct {
	Task    string `json:"task"`
	Current int64  `json:"current"`
	Total   int64  `json:"total,omitempty"`
	Unit    string `json:"unit,omitempty"`
}

// Artifact is something that a stage made.
type Artifact struct {
	Name        string            `json:"name"`
	Digest      string            `json:"digest"`
	MediaType   string            `json:"media_type"`
	Size        int64             `json:"size"`
	Location    string            `json:"location"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

// Metric is a measured number.
type Metric struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit,omitempty"`
	Samples int64   `json:"samples,omitempty"`
}

// Threshold is a bound on a metric.
type Threshold struct {
	Metric string   `json:"metric"`
	Min    *float64 `json:"min,omitempty"`
	Max    *float64 `json:"max,omitempty"`
	Met    bool     `json:"met"`
}

// Report is what a tester measured.
type Report struct {
	Metrics    []Metric    `json:"metrics,omitempty"`
	Thresholds []Threshold `json:"thresholds,omitempty"`
	Cases      *CaseCounts `json:"cases,omitempty"`
	// Failing holds at most 100 cases that did not pass.
	Failing []Case `json:"failing,omitempty"`
	// Subject is the digest of the artifact that was measured, if it was one.
	Subject string `json:"subject_digest,omitempty"`
}

// CaseCounts counts test cases by verdict.
type CaseCounts struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Errored int `json:"errored"`
}

// Case is one test case.
type Case struct {
	Suite   string `json:"suite,omitempty"`
	Name    string `json:"name"`
	Message string `json:"message,omitempty"`
}

// Diagnostic is a message about the configuration, rendered for people.
type Diagnostic struct {
	Severity string `json:"severity"`
	Summary  string `json:"summary"`
	Detail   string `json:"detail,omitempty"`
	File     string `json:"file,omitempty"`
	Line     int    `json:"line,omitempty"`
}

// Attestation is a statement about an artifact.
type Attestation struct {
	SubjectDigest string `json:"subject_digest"`
	PredicateType string `json:"predicate_type"`
	Digest        string `json:"digest"` // of the statement, which is a stored blob
	// EnvelopeDigest is that of the signed envelope, a stored blob, if there is one.
	EnvelopeDigest string `json:"envelope_digest,omitempty"`
	// Attached is where the runner has had it stored beside the artifact, for
	// example registry.example.com/models/digits@sha256:…; empty when nowhere.
	Attached string `json:"attached,omitempty"`
}

// Plan is what a deployer stage will apply.
type Plan struct {
	Digest      string   `json:"digest"`
	Environment string   `json:"environment,omitempty"`
	Target      string   `json:"target,omitempty"`
	Notes       []string `json:"notes,omitempty"` // what it rests on, for people
	Changes     []Change `json:"changes,omitempty"`
}

// Change is what a plan does to one object.
type Change struct {
	Action string `json:"action"` // create, update, delete, none, unknown
	Object string `json:"object"`
	Diff   string `json:"diff,omitempty"`
	Digest string `json:"digest,omitempty"` // of the object as it will be applied
}

// Decision is a verdict on a plan.
type Decision struct {
	Verdict    string      `json:"verdict"` // allow, deny, error
	PlanDigest string      `json:"plan_digest"`
	For        string      `json:"for,omitempty"` // the deployer stage
	Policies   []string    `json:"policies"`
	Rules      []string    `json:"rules"`
	Violations []Violation `json:"violations,omitempty"`
	Warnings   []Violation `json:"warnings,omitempty"`
	Waived     []Violation `json:"waived,omitempty"`
	// Refused are waivers of violated rules that do not count, and why.
	Refused []string `json:"refused_waivers,omitempty"`
	Error   string   `json:"error,omitempty"`
	// Digest is that of the signed statement, which is a stored blob.
	Digest  string    `json:"digest,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	// Input is the digest of the document that was judged, which is a stored blob
	// unless InputWithheld says why it was not kept.
	Input         string `json:"input_digest,omitempty"`
	InputWithheld string `json:"input_withheld,omitempty"`
	// Outcome is the digest of what the decision says, without when and by whom:
	// the same rules say the same of the same document.
	Outcome string `json:"outcome_digest,omitempty"`
}

// Violation is one rule that says no.
type Violation struct {
	Rule     string   `json:"rule"`
	Message  string   `json:"message"`
	Subject  string   `json:"subject,omitempty"`
	Remedy   string   `json:"remedy,omitempty"`
	Controls []string `json:"controls,omitempty"`
	Severity string   `json:"severity,omitempty"`
	Facts    []string `json:"facts,omitempty"`
	Waiver   string   `json:"waiver,omitempty"`
}

// Rollout says where a release stands.
type Rollout struct {
	Phase      string      `json:"phase"`
	Message    string      `json:"message,omitempty"`
	Replicas   int         `json:"replicas"`
	Ready      int         `json:"ready"`
	Placements []Placement `json:"placements,omitempty"`
}

// Placement is one replica on one node.
type Placement struct {
	Replica string           `json:"replica"`
	Node    string           `json:"node,omitempty"`
	Devices map[string]int64 `json:"devices,omitempty"`
	Ready   bool             `json:"ready"`
}
