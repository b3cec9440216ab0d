// Package weigh judges the metrics that a command has reported by the fixed
// thresholds of its stage, and states the result about the artifact.
package weigh

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/bounds"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Read reads metrics in our own JSON.
func Read(data []byte) (*evaluation.Evaluation, error) {
	found, err := metrics.Parse(data)
	if err != nil {
		return nil, err
	}
	e := &evaluation.Evaluation{}
	for _, m := range found {
		if err := e.Add(evaluation.Metric{Name: m.Name, Value: m.Value, Unit: m.Unit, Samples: m.Samples}); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// Metrics judges metrics by the blocks threshold of a stage, and states the
// result about its artifact where there is one, a bad result as well as a good
// one. Outputs and result are completed.
func Metrics(req sdk.Request, e *evaluation.Evaluation, outputs sdk.Outputs, result sdk.TestReport, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	values := make(map[string]cty.Value, len(e.Metrics))
	for _, m := range e.Metrics {
		values[m.Name] = cty.NumberFloatVal(m.Value)
		out.Metric(sdk.Metric{Name: m.Name, Value: m.Value, Unit: m.Unit, Samples: m.Samples})
	}
	if len(values) > 0 {
		outputs["metrics"] = cty.MapVal(values)
	}
	thresholds, diags := bounds.Thresholds(req.Config)
	if diags.HasErrors() {
		return outputs, result, &sdk.Failure{Summary: diags[0].Summary, Detail: diags[0].Detail, Class: "threshold_invalid"}
	}
	checks, err := judge.Judge(judge.Rules{Thresholds: thresholds}, e, nil)
	if err != nil {
		return outputs, result, err
	}
	if table := report.Table(checks); table != "" {
		fmt.Fprint(out.Stdout(), "\n"+table)
	}
	r := report.Report{Schema: report.Schema, Metrics: report.MetricsOf(e), Checks: checks, Inconclusive: judge.Fail, Verdict: judge.Overall(checks, judge.Fail)}
	if artifact, ok := req.Config.Artifact("artifact"); ok {
		r.Artifact = report.Subject{Name: artifact.Name, Digest: artifact.Digest}
		attestation, _, err := r.Attest(req.Attempt.Source, nil)
		if err != nil {
			return outputs, result, err
		}
		out.Attestation(attestation)
	}
	numbers := r.TestReport()
	result.Metrics, result.Thresholds = numbers.Metrics, numbers.Thresholds
	return outputs, result, missed(r)
}

// missed is nil when all thresholds are met.
func missed(r report.Report) error {
	if r.Verdict == judge.Pass {
		return nil
	}
	bad := report.NotPassed(r.Checks)
	names := make([]string, len(bad))
	for i, c := range bad {
		names[i] = c.Metric
	}
	f := &sdk.Failure{
		Summary: fmt.Sprintf("%d of %d thresholds are missed: %s", len(bad), len(r.Checks), strings.Join(names[:min(len(names), 5)], ", ")),
		Detail:  strings.TrimSuffix(report.Table(bad), "\n"), Class: "threshold_missed",
	}
	if len(bad) == 1 {
		f.Summary = fmt.Sprintf("The threshold on %s is missed", names[0])
	}
	return f
}
