package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/sdk"
)

// The identifiers of https://github.com/in-toto/attestation.
const (
	statementType = "https://in-toto.io/Statement/v1"
	predicateType = "https://in-toto.io/attestation/test-result/v0.1"
)

// statement is an in-toto Statement v1.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []resource `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     testResult `json:"predicate"`
}

// resource is an in-toto ResourceDescriptor.
type resource struct {
	Name      string            `json:"name,omitempty"`
	URI       string            `json:"uri,omitempty"`
	Digest    map[string]string `json:"digest"`
	MediaType string            `json:"mediaType,omitempty"`
}

// testResult is the predicate test-result v0.1. The fields that it does not
// have carry our prefix, as the framework's rules for extensions ask.
type testResult struct {
	Result        string      `json:"result"`
	Configuration []resource  `json:"configuration"`
	PassedTests   []string    `json:"passedTests"`
	WarnedTests   []string    `json:"warnedTests"`
	FailedTests   []string    `json:"failedTests"`
	Metrics       []statedOne `json:"stagegate_metrics"`
	Report        *resource   `json:"stagegate_report,omitempty"`
}

type statedOne struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit,omitempty"`
	Samples int64   `json:"samples,omitempty"`
}

// Attest states the report about the artifact. Kept is the report as JSON,
// where it is kept; its digest is in the statement.
func (r Report) Attest(source sdk.Source, kept *Blob) (sdk.Attestation, string, error) {
	s := statement{
		Type:          statementType,
		Subject:       []resource{{Name: r.Artifact.Name, Digest: sha256Set(r.Artifact.Digest)}},
		PredicateType: predicateType,
		Predicate: testResult{
			Result: "PASSED", Configuration: r.configuration(source),
			PassedTests: []string{}, WarnedTests: []string{}, FailedTests: []string{},
			Metrics: make([]statedOne, 0, len(r.Metrics)),
		},
	}
	p := &s.Predicate
	for _, c := range r.Checks {
		p.state(c, r.Inconclusive)
	}
	for _, m := range r.Metrics {
		p.Metrics = append(p.Metrics, statedOne{Name: m.Name, Value: m.Value, Unit: m.Unit, Samples: m.Samples})
	}
	if kept != nil {
		p.Report = &resource{Name: "report", Digest: sha256Set(kept.Digest), MediaType: kept.MediaType}
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return sdk.Attestation{}, "", fmt.Errorf("encode the statement: %w", err)
	}
	data := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	sum := sha256.Sum256(data)
	return sdk.Attestation{SubjectDigest: r.Artifact.Digest, PredicateType: predicateType, Statement: data},
		"sha256:" + hex.EncodeToString(sum[:]), nil
}

// state puts a check among the tests. The predicate has no word for what is not
// decided: it is a failure or a warning, and its name says so.
func (p *testResult) state(c judge.Check, inconclusive judge.Verdict) {
	name := NameOf(c) + " " + asked(c)
	verdict := c.Verdict
	if verdict == judge.Inconclusive {
		name += " (inconclusive)"
		verdict = inconclusive
	}
	switch verdict {
	case judge.Pass:
		p.PassedTests = append(p.PassedTests, name)
	case judge.Warn:
		p.WarnedTests = append(p.WarnedTests, name)
		if p.Result == "PASSED" {
			p.Result = "WARNED"
		}
	case judge.Fail, judge.Inconclusive:
		p.FailedTests = append(p.FailedTests, name)
		p.Result = "FAILED"
	case judge.NotJudged:
	}
}

// configuration is what the test was run by: the pipeline, the commit where the
// tree was exactly that commit, and the model that was compared with.
func (r Report) configuration(source sdk.Source) []resource {
	found := []resource{}
	if strings.HasPrefix(source.PipelineDigest, "sha256:") {
		found = append(found, resource{Name: "pipeline", Digest: sha256Set(source.PipelineDigest)})
	}
	if source.Commit != "" && source.Clean {
		found = append(found, resource{Name: "source", URI: source.Repository, Digest: map[string]string{"gitCommit": source.Commit}})
	}
	if r.Baseline != nil && r.Baseline.Digest != "" {
		found = append(found, resource{Name: "baseline", Digest: sha256Set(r.Baseline.Digest)})
	}
	return found
}

func sha256Set(digest string) map[string]string {
	return map[string]string{"sha256": strings.TrimPrefix(digest, "sha256:")}
}
