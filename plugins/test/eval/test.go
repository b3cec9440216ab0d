package eval

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Test runs the evaluation, judges what it measured, and states the result
// about the artifact, a bad one as well as a good one.
func (Component) Test(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	artifact, _ := req.Config.Artifact("artifact")
	if err := checkDigest(artifact.Digest); err != nil {
		return nil, sdk.TestReport{}, &sdk.Failure{
			Summary: "The artifact has no digest", Class: "artifact_invalid", Cause: err,
			Detail: "The report is a statement about a digest. Refer to an artifact that a stage has made.",
		}
	}
	rules, diags := rulesOf(req.Config)
	if diags.HasErrors() {
		return nil, sdk.TestReport{}, &sdk.Failure{Summary: diags[0].Summary, Detail: diags[0].Detail, Class: "threshold_invalid"}
	}
	baseline, err := baselineOf(ctx, req, rules)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	past, err := pastOf(ctx, req)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	candidate, err := measure(ctx, req, artifact, rules.Labels(), out)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	announce(candidate, out)
	checks, err := judge.Judge(rules.Rules, candidate, baseline.evaluation)
	if err != nil {
		return nil, sdk.TestReport{Metrics: measured(candidate)}, mismatched(err)
	}
	checks = append(checks, judge.Trends(rules.Trends, past, candidate)...)
	r := report.Report{
		Schema: report.Schema, Release: req.Config.String("release"), Inconclusive: rules.inconclusive,
		Artifact: report.Subject{Name: artifact.Name, Digest: artifact.Digest}, Baseline: baseline.subject,
		Metrics: report.MetricsOf(candidate), Checks: checks,
	}
	r.Verdict = judge.Overall(checks, rules.inconclusive)
	if baseline.evaluation == nil && rules.missing == judge.Warn {
		r.Verdict, r.Inconclusive = judge.Overall(checks, judge.Warn), judge.Warn
	}
	return finish(ctx, req, r, candidate, past, out)
}

// finish publishes the report in all of its forms.
func finish(ctx context.Context, req sdk.Request, r report.Report, candidate *evaluation.Evaluation, past []judge.Past, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	if table := report.Table(r.Checks); table != "" {
		fmt.Fprint(out.Stdout(), "\n"+table)
	}
	kept, err := keep(ctx, req, &r, candidate, past, out)
	if err != nil {
		return nil, r.TestReport(), err
	}
	attestation, digest, err := r.Attest(req.Attempt.Source, kept.report)
	if err != nil {
		return nil, r.TestReport(), err
	}
	out.Attestation(attestation)
	values := make(map[string]cty.Value, len(r.Metrics))
	for _, m := range r.Metrics {
		values[m.Name] = cty.NumberFloatVal(m.Value)
	}
	outputs := sdk.Outputs{"metrics": cty.MapVal(values), "verdict": cty.StringVal(string(r.Verdict)), "report_digest": cty.StringVal(digest)}
	maps.Copy(outputs, kept.outputs)
	return outputs, r.TestReport(), outcome(r, candidate)
}

// announce shows what was measured, and what cannot be judged.
func announce(candidate *evaluation.Evaluation, out *sdk.Emitter) {
	for _, m := range measured(candidate) {
		out.Metric(m)
	}
	for _, name := range slices.Sorted(maps.Keys(candidate.Unusable)) {
		fmt.Fprintf(out.Stderr(), "%s is left out: %v\n", name, candidate.Unusable[name])
	}
}

func measured(e *evaluation.Evaluation) []sdk.Metric {
	found := make([]sdk.Metric, 0, len(e.Metrics))
	for _, m := range e.Metrics {
		found = append(found, sdk.Metric{Name: m.Name, Value: m.Value, Unit: m.Unit, Samples: m.Samples})
	}
	return found
}
