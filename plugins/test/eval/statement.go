package eval

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

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
	Name   string            `json:"name,omitempty"`
	URI    string            `json:"uri,omitempty"`
	Digest map[string]string `json:"digest"`
}

// testResult is the predicate test-result v0.1. The fields that it does not
// have carry our prefix, as the framework's rules for extensions ask.
type testResult struct {
	Result        string     `json:"result"`
	Configuration []resource `json:"configuration"`
	PassedTests   []string   `json:"passedTests"`
	WarnedTests   []string   `json:"warnedTests"`
	FailedTests   []string   `json:"failedTests"`
	Metrics       []metric   `json:"stagegate_metrics"`
}

type metric struct {
	Name    string  `json:"name"`
	Value   float64 `json:"value"`
	Unit    string  `json:"unit,omitempty"`
	Samples int64   `json:"samples,omitempty"`
}

// attest states the report about the artifact. Equal reports give equal
// statements: there is no time in them.
func attest(artifact sdk.Artifact, source sdk.Source, report sdk.TestReport) (sdk.Attestation, string, error) {
	hexDigest := strings.TrimPrefix(artifact.Digest, "sha256:")
	s := statement{
		Type:          statementType,
		Subject:       []resource{{Name: artifact.Name, Digest: map[string]string{"sha256": hexDigest}}},
		PredicateType: predicateType,
		Predicate: testResult{
			Result: "PASSED", Configuration: configuration(source),
			PassedTests: []string{}, WarnedTests: []string{}, FailedTests: []string{},
			Metrics: make([]metric, 0, len(report.Metrics)),
		},
	}
	p := &s.Predicate
	for _, t := range report.Thresholds {
		name := t.Metric + " " + bounds(t)
		if t.Met {
			p.PassedTests = append(p.PassedTests, name)
			continue
		}
		p.Result = "FAILED"
		p.FailedTests = append(p.FailedTests, name)
	}
	for _, m := range report.Metrics {
		p.Metrics = append(p.Metrics, metric{Name: m.Name, Value: m.Value, Unit: m.Unit, Samples: m.Samples})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return sdk.Attestation{}, "", fmt.Errorf("encode the statement: %w", err)
	}
	data := bytes.TrimSuffix(b.Bytes(), []byte("\n"))
	sum := sha256.Sum256(data)
	return sdk.Attestation{SubjectDigest: artifact.Digest, PredicateType: predicateType, Statement: data},
		"sha256:" + hex.EncodeToString(sum[:]), nil
}

// configuration is what the test was run by: the pipeline, and the commit
// where the tree was exactly that commit.
func configuration(source sdk.Source) []resource {
	found := []resource{}
	if hexDigest, ok := strings.CutPrefix(source.PipelineDigest, "sha256:"); ok {
		found = append(found, resource{Name: "pipeline", Digest: map[string]string{"sha256": hexDigest}})
	}
	if source.Commit != "" && source.Clean {
		found = append(found, resource{Name: "source", URI: source.Repository, Digest: map[string]string{"gitCommit": source.Commit}})
	}
	return found
}
