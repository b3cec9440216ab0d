package gate

import (
	"encoding/json"
	"time"
)

// SchemaName is the version of the input document.
const SchemaName = "stagegate/policy-input/v1"

// Scope says how much there is to judge.
type Scope string

// The scopes.
const (
	ScopeDeployment Scope = "deployment" // a plan is about to be applied
	ScopeArtifacts  Scope = "artifacts"  // nothing is deployed
)

// Input is the document that policies judge. Every key is always there; what is
// not known is a Fact that says so.
type Input struct {
	Schema    string     `json:"schema"`
	Scope     Scope      `json:"scope"`
	Now       time.Time  `json:"now"`
	Run       Run        `json:"run"`
	Target    Target     `json:"target"`
	Artifacts []Artifact `json:"artifacts"`
	Workload  Workload   `json:"workload"`
	Cluster   Cluster    `json:"cluster"`
	Storage   Storage    `json:"storage"`
	Registry  Registries `json:"registry"`
	Access    Access     `json:"access"`
	// Encryption is what the operator says of keys.
	Encryption Encryption `json:"encryption"`
	Previous   Previous   `json:"previous"`
	// Waivers are those of the operator, with what is wrong with each.
	Waivers []WaiverRecord  `json:"waivers"`
	Evals   []Eval          `json:"evals"`
	Facts   map[string]Fact `json:"facts"` // what has no place of its own
}

// Fact is one thing that policies may rest on.
type Fact struct {
	State  State  `json:"state"`
	Value  Value  `json:"value"` // null unless the state is verified or declared
	Source string `json:"source"`
	// CheckedAt is when it was looked up; null when it never was.
	CheckedAt *time.Time `json:"checked_at"`
}

// Value is JSON as it came; the zero value is null.
type Value = json.RawMessage

// State says how well a fact is known.
type State string

// The states.
const (
	Verified State = "verified" // the collector saw it
	Declared State = "declared" // somebody with authority says so
	Unknown  State = "unknown"  // could not be found out
	Absent   State = "absent"   // looked for and not there
)

// Run is what is released and who asked for it.
type Run struct {
	ID             string `json:"id"`
	Pipeline       string `json:"pipeline"`
	PipelineDigest string `json:"pipeline_digest"`
	Trigger        string `json:"trigger"`
	Git            Git    `json:"git"`
	// Audit is true when decisions and releases are recorded.
	Audit Fact `json:"audit"`
}

// Git is the source tree.
type Git struct {
	Repository Fact `json:"repository"`
	Commit     Fact `json:"commit"`
	Ref        Fact `json:"ref"`
	Clean      Fact `json:"clean"`
}

// Target is where the plan goes. Its strings are empty when nothing is
// deployed.
type Target struct {
	Stage       string `json:"stage"`
	Component   string `json:"component"`
	Environment string `json:"environment"`
	Plan        Plan   `json:"plan"`
	Namespace   Fact   `json:"namespace"`
	Strategy    Fact   `json:"strategy"`
}

// Plan identifies what is judged.
type Plan struct {
	Digest    string `json:"digest"`
	MediaType string `json:"media_type"`
}

// Artifact is something that this run made.
type Artifact struct {
	Name       string           `json:"name"`
	Kind       string           `json:"kind"` // model, image or other
	Digest     string           `json:"digest"`
	MediaType  string           `json:"media_type"`
	Size       int64            `json:"size"`
	Location   string           `json:"location"`
	Registry   ArtifactRegistry `json:"registry"`
	Format     Fact             `json:"format"`
	Encryption Fact             `json:"encryption"`
	Signatures Fact             `json:"signatures"` // words as in sdk.AnnotationSignatures, a list
	Signer     Fact             `json:"signer"`     // digest of the public key
	Keys       Fact             `json:"keys"`       // list of names of the keys that open it
	Provenance Fact             `json:"provenance"` // see Provenance
	SBOM       Fact             `json:"sbom"`       // digest of the statement
	Scans      Fact             `json:"scans"`      // list of Scan
}

// ArtifactRegistry says how an artifact travelled to its registry.
type ArtifactRegistry struct {
	Host Fact `json:"host"`
	TLS  Fact `json:"tls"` // lowest version: "1.3", "1.2" or "none"
	CA   Fact `json:"ca"`  // "verified" or "none"
}

// Workload is what will run.
type Workload struct {
	Objects Fact `json:"objects"` // rendered objects, a list
	Images  Fact `json:"images"`  // list of {ref, pinned, use}
}

// Cluster is what the deployer sees of the cluster.
type Cluster struct {
	Version Fact `json:"version"`
	UID     Fact `json:"uid"`
	GPU     Fact `json:"gpu"`
	// GPUSharing is a list of {node, sharing}: none, mig, time-slicing, mps.
	GPUSharing Fact `json:"gpu_sharing"`
	// PodSecurity is the level that the namespace enforces.
	PodSecurity Fact `json:"pod_security"`
	Quotas      Fact `json:"quotas"` // list of {name, hard, used}
	// SecretEncryption is the provider that encrypts Secrets where they are kept.
	SecretEncryption Fact `json:"secret_encryption"`
	AuditLog         Fact `json:"audit_log"` // true when it is on
	Mesh             Fact `json:"mesh"`      // {name, mtls}; absent without one
}

// Storage is what volumes rest on.
type Storage struct {
	Classes Fact `json:"classes"` // list of {name, provisioner, parameters}
}

// Registries are those that the run did not push to itself.
type Registries struct {
	Hosts  Fact `json:"hosts"`   // list of {host, tls, ca}
	AtRest Fact `json:"at_rest"` // list of {host, encrypted}
}

// Encryption is what is known of the keys to what is stored.
type Encryption struct {
	Keys Fact `json:"keys"` // list of {ref, rotated}
}

// Previous is what the plan replaces.
type Previous struct {
	Release Fact `json:"release"` // {revision, model_digest, images}; absent at the first
}

// Access is who acts.
type Access struct {
	Actor        Fact `json:"actor"`         // who runs the runner
	ClusterActor Fact `json:"cluster_actor"` // who the deployer is in the cluster
	RBAC         Fact `json:"rbac"`          // {account, bindings[], rules[]} of the workload's account
	Groups       Fact `json:"groups"`        // of the account that runs the runner
	Approval     Fact `json:"approval"`      // what the stage asks of people
	// BreakGlass is an emergency that the operator has declared; absent
	// otherwise.
	BreakGlass Fact `json:"break_glass"`
}

// Eval is what one tester stage measured on one artifact.
type Eval struct {
	Stage         string      `json:"stage"`
	SubjectDigest string      `json:"subject_digest"` // empty when it names no artifact
	Metrics       []Metric    `json:"metrics"`
	Thresholds    []Threshold `json:"thresholds"`
	Cases         Cases       `json:"cases"`
}

// Metric is one measured number.
type Metric struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit"`
	Samples int64   `json:"samples"`
}

// Threshold is a bound on a metric and whether it was met.
type Threshold struct {
	Metric string   `json:"metric"`
	Min    *float64 `json:"min"`
	Max    *float64 `json:"max"`
	Met    bool     `json:"met"`
}

// Cases counts test cases by verdict.
type Cases struct {
	Passed  int `json:"passed"`
	Failed  int `json:"failed"`
	Skipped int `json:"skipped"`
	Errored int `json:"errored"`
}
