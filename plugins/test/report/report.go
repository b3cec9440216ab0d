package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/sdk/strictjson"
)

// MediaType is that of a report as JSON.
const MediaType = "application/vnd.stagegate.eval.report.v1+json"

// Schema is the version of its form; fields are only ever added to it.
const Schema = 1

// MaxBytes is the largest report that is read.
const MaxBytes = 32 << 20

// Report is everything that an evaluation came to.
type Report struct {
	Schema   int           `json:"schema"`
	Verdict  judge.Verdict `json:"verdict"`
	Release  string        `json:"release,omitempty"`
	Artifact Subject       `json:"artifact"`
	Baseline *Subject      `json:"baseline,omitempty"`
	Metrics  []Metric      `json:"metrics"`
	Checks   []judge.Check `json:"checks"`
	// Inconclusive is what inconclusive checks count as: FAIL or WARN.
	Inconclusive judge.Verdict `json:"inconclusive"`
	Samples      *Blob         `json:"samples,omitempty"`
	// Target is what was asked, where requests were sent: an address without what
	// may be secret of it.
	Target string  `json:"target,omitempty"`
	Curves []Curve `json:"curves,omitempty"`
	// Failures are the reasons of requests that failed, the most frequent first.
	Failures []Count `json:"failures,omitempty"`
}

// Subject is a model.
type Subject struct {
	Name    string `json:"name,omitempty"`
	Release string `json:"release,omitempty"`
	Digest  string `json:"digest,omitempty"` // "sha256:<hex>"
}

// Blob is content that is kept elsewhere by its digest.
type Blob struct {
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
	MediaType string `json:"media_type"`
}

// Metric is one number that was measured.
type Metric struct {
	Name    string               `json:"name"`
	Value   float64              `json:"value"`
	Unit    string               `json:"unit,omitempty"`
	Samples int64                `json:"samples,omitempty"`
	StdErr  *float64             `json:"std_err,omitempty"`
	Better  evaluation.Direction `json:"better,omitempty"`
	Setup   map[string]string    `json:"setup,omitempty"`
	Parts   []string             `json:"parts,omitempty"`
}

// MetricsOf are those of an evaluation.
func MetricsOf(e *evaluation.Evaluation) []Metric {
	out := make([]Metric, 0, len(e.Metrics))
	for _, m := range e.Metrics {
		out = append(out, Metric(m))
	}
	return out
}

// JSON is the report as a document that ends in a newline.
func (r Report) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(r); err != nil {
		return nil, fmt.Errorf("encode the report: %w", err)
	}
	return b.Bytes(), nil
}

// Read reads a report that JSON has made.
func Read(data []byte) (*Report, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("the report is larger than %d MiB", MaxBytes>>20)
	}
	var r Report
	if err := strictjson.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("the report is not one of test.eval: %w", err)
	}
	switch {
	case r.Schema == 0 || len(r.Metrics) == 0:
		return nil, errors.New("the report is not one of test.eval: it has no schema, or no metric")
	case r.Schema > Schema:
		return nil, fmt.Errorf("the report has schema %d; this version reads up to %d", r.Schema, Schema)
	}
	return &r, nil
}

// Evaluation is what the report says was measured, without its items.
func (r Report) Evaluation() (*evaluation.Evaluation, error) {
	e := &evaluation.Evaluation{}
	for _, m := range r.Metrics {
		if err := e.Add(evaluation.Metric(m)); err != nil {
			return nil, err
		}
	}
	return e, nil
}
