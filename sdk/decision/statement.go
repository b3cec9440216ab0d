package decision

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/sdk/strictjson"
)

// Names of the formats inside the envelope.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/verification_summary/v1"
	VerifierID    = "https://github.com/stagegate/stagegate/gate"

	slsaVersion = "1.1"
	// A level of our own: the specification reserves names with SLSA_ and wants
	// at least one level in the list.
	passedLevel = "STAGEGATE_GATE_PASSED" //nolint:gosec // the name of a level, not a password
)

type statement struct {
	Type          string    `json:"_type"`
	Subject       []subject `json:"subject"`
	PredicateType string    `json:"predicateType"`
	Predicate     predicate `json:"predicate"`
}

type subject struct {
	Name   string    `json:"name"`
	Digest digestSet `json:"digest"`
}

type digestSet struct {
	SHA256 string `json:"sha256"`
}

type predicate struct {
	Verifier           verifier     `json:"verifier"`
	TimeVerified       time.Time    `json:"timeVerified"`
	ResourceURI        string       `json:"resourceUri"`
	Policy             resource     `json:"policy"`
	InputAttestations  []resource   `json:"inputAttestations,omitempty"`
	VerificationResult Result       `json:"verificationResult"`
	VerifiedLevels     []string     `json:"verifiedLevels"`
	SLSAVersion        string       `json:"slsaVersion"`
	Extension          decisionBody `json:"stagegate_decision"`
}

type verifier struct {
	ID      string            `json:"id"`
	Version map[string]string `json:"version,omitempty"`
}

type resource struct {
	URI    string    `json:"uri"`
	Digest digestSet `json:"digest"`
}

// decisionBody is what a verification summary has no field for. Extensions are
// named <vendor>_<field> by the specification.
type decisionBody struct {
	Environment string    `json:"environment"`
	Run         string    `json:"run"`
	Stage       string    `json:"stage"`
	Nonce       string    `json:"nonce"`
	Expires     time.Time `json:"expires"`
	Policies    []Policy  `json:"policies"`
	Rules       int       `json:"rules"`
	Warnings    int       `json:"warnings"`
	Waived      int       `json:"waived"`
}

// statementOf is the statement of a checked decision.
func statementOf(d Decision) statement {
	levels := []string{"FAILED"}
	if d.Result == Passed {
		levels = []string{passedLevel}
	}
	p := predicate{
		Verifier:           verifier{ID: VerifierID, Version: map[string]string{"stagegate": d.Verifier}},
		TimeVerified:       d.Decided.UTC(),
		ResourceURI:        "stagegate:plan/" + d.PlanDigest,
		Policy:             resource{URI: "stagegate:policies", Digest: bare(policiesDigest(d.Policies))},
		VerificationResult: d.Result,
		VerifiedLevels:     levels,
		SLSAVersion:        slsaVersion,
		Extension: decisionBody{
			Environment: d.Environment, Run: d.Run, Stage: d.Stage, Nonce: d.Nonce,
			Expires: d.Expires.UTC(), Policies: d.Policies,
			Rules: d.Rules, Warnings: d.Warnings, Waived: d.Waived,
		},
	}
	if d.InputDigest != "" {
		p.InputAttestations = []resource{{URI: "stagegate:policy-input", Digest: bare(d.InputDigest)}}
	}
	return statement{
		Type:          StatementType,
		Subject:       []subject{{Name: "plan", Digest: bare(d.PlanDigest)}},
		PredicateType: PredicateType,
		Predicate:     p,
	}
}

// parseStatement reads a payload whose signature has been verified.
func parseStatement(payload []byte) (Decision, error) {
	var s statement
	if err := strictjson.Unmarshal(payload, &s); err != nil {
		return Decision{}, fmt.Errorf("read statement: %w", err)
	}
	p := s.Predicate
	switch {
	case s.Type != StatementType:
		return Decision{}, fmt.Errorf("statement type is %q, not %q", s.Type, StatementType)
	case s.PredicateType != PredicateType:
		return Decision{}, fmt.Errorf("predicate type is %q, not %q", s.PredicateType, PredicateType)
	case p.Verifier.ID != VerifierID:
		return Decision{}, fmt.Errorf("verifier is %q, not %q", p.Verifier.ID, VerifierID)
	case len(s.Subject) != 1:
		return Decision{}, fmt.Errorf("it has %d subjects, not one", len(s.Subject))
	}
	d := Decision{
		Result:      p.VerificationResult,
		PlanDigest:  "sha256:" + s.Subject[0].Digest.SHA256,
		Environment: p.Extension.Environment,
		Run:         p.Extension.Run,
		Stage:       p.Extension.Stage,
		Nonce:       p.Extension.Nonce,
		Verifier:    p.Verifier.Version["stagegate"],
		Decided:     p.TimeVerified,
		Expires:     p.Extension.Expires,
		Policies:    p.Extension.Policies,
		Rules:       p.Extension.Rules,
		Warnings:    p.Extension.Warnings,
		Waived:      p.Extension.Waived,
	}
	if len(p.InputAttestations) > 0 {
		d.InputDigest = "sha256:" + p.InputAttestations[0].Digest.SHA256
	}
	if err := d.check(); err != nil {
		return Decision{}, err
	}
	if want := bare(policiesDigest(d.Policies)); p.Policy.Digest != want {
		return Decision{}, fmt.Errorf("policy digest %q does not cover the policies listed", p.Policy.Digest.SHA256)
	}
	return d, nil
}

// policiesDigest is one digest over all policies, as a verification summary
// names a single one.
func policiesDigest(policies []Policy) string {
	h := sha256.New()
	for _, p := range policies {
		line, _ := json.Marshal(p) // strings only: it cannot fail
		h.Write(append(line, '\n'))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

func bare(digest string) digestSet {
	return digestSet{SHA256: strings.TrimPrefix(digest, "sha256:")}
}
