package explain

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/event"
)

// Explanation is a decision with what each of its findings rests on.
type Explanation struct {
	Verdict     string   `json:"verdict"`
	At          string   `json:"at,omitempty"`  // the stage at which it was made
	For         string   `json:"for,omitempty"` // the deployer stage; empty when nothing is deployed
	Environment string   `json:"environment,omitempty"`
	PlanDigest  string   `json:"plan_digest,omitempty"`
	Policies    []string `json:"policies"`
	// Input is the digest of the document that was judged, and Outcome that of
	// what was decided.
	Input         string `json:"input_digest,omitempty"`
	InputWithheld string `json:"input_withheld,omitempty"`
	Outcome       string `json:"outcome_digest,omitempty"`

	Violations []Finding `json:"violations"`
	Warnings   []Finding `json:"warnings"`
	Waived     []Finding `json:"waived"`
	// Refused are waivers that do not count, and why.
	Refused []string `json:"refused_waivers,omitempty"`
	// Passed are the rules that were evaluated and found nothing.
	Passed []string `json:"passed"`
	Error  string   `json:"error,omitempty"`
}

// Finding is what one rule found, and on what.
type Finding struct {
	Rule     string   `json:"rule"`
	Message  string   `json:"message"`
	Subject  string   `json:"subject,omitempty"`
	Severity string   `json:"severity,omitempty"`
	Controls []string `json:"controls,omitempty"`
	Remedy   string   `json:"remedy,omitempty"`
	Waiver   string   `json:"waiver,omitempty"`
	Facts    []Fact   `json:"facts"`
	// Stage is the one that made what the finding is about, and Place where the
	// pipeline says so.
	Stage string      `json:"stage,omitempty"`
	Place *diag.Place `json:"range,omitempty"`

	at *hcl.Range
	in string
}

// Pipeline knows where stages are written, and which of them made what.
type Pipeline interface {
	// Stage is where a stage is written: at the most specific of its arguments
	// that one of the words names, and in which block.
	Stage(name string, words []string) (at hcl.Range, in string, ok bool)
	// Maker is the stage that made an artifact, or empty.
	Maker(digest string) string
}

// Explain says what a decision rests on. Input is the document that was judged;
// nil when it was not kept. The pipeline may be nil.
func Explain(d event.Decision, input []byte, p Pipeline) (*Explanation, error) {
	doc, err := decode(input)
	if err != nil {
		return nil, fmt.Errorf("read policy input: %w", err)
	}
	e := &Explanation{
		Verdict: d.Verdict, For: d.For, PlanDigest: d.PlanDigest, Policies: d.Policies, Environment: doc.text("target", "environment"),
		Input: d.Input, InputWithheld: d.InputWithheld, Outcome: d.Outcome, Refused: d.Refused, Error: d.Error,
	}
	x := explainer{doc: doc, pipeline: p, deployer: d.For}
	e.Violations, e.Warnings, e.Waived = x.findings(d.Violations), x.findings(d.Warnings), x.findings(d.Waived)
	e.Passed = passed(d)
	return e, nil
}

// passed are the rules about which nothing is said.
func passed(d event.Decision) []string {
	found := make(map[string]bool)
	for _, v := range slices.Concat(d.Violations, d.Warnings, d.Waived) {
		found[v.Rule] = true
	}
	out := []string{}
	for _, rule := range d.Rules {
		if !found[rule] {
			out = append(out, rule)
		}
	}
	return out
}

// explainer has what all findings of a decision are explained with.
type explainer struct {
	doc      document
	pipeline Pipeline
	deployer string
}

func (x explainer) findings(list []event.Violation) []Finding {
	out := make([]Finding, 0, len(list))
	for _, v := range list {
		f := Finding{
			Rule: v.Rule, Message: v.Message, Subject: v.Subject, Severity: v.Severity, Controls: v.Controls,
			Remedy: v.Remedy, Waiver: v.Waiver, Facts: x.doc.facts(v),
		}
		x.place(&f, v)
		out = append(out, f)
	}
	return out
}

// Diagnostic is the finding as people read it.
func (f Finding) Diagnostic(severity diag.Severity) diag.Diagnostic {
	summary := f.Rule + ": " + f.Message
	if f.Subject != "" {
		summary += " (" + f.Subject + ")"
	}
	return diag.Diagnostic{Severity: severity, Summary: summary, Detail: f.detail(), Subject: f.at, In: f.in}
}

// text is a value as JSON on one line.
func text(value any) string {
	data, err := json.Marshal(value)
	if err != nil { // it was JSON before
		return ""
	}
	return string(data)
}
