package junit

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/sample"
	"github.com/stagegate/stagegate/sdk"
)

// PassRate is the metric of a report: the share of cases that passed, of those
// that were not skipped.
const PassRate = "pass_rate"

// Evaluation is the report as an evaluation, each case an item. Its one label
// is "suite".
func (r *Report) Evaluation(labels []string) (*evaluation.Evaluation, error) {
	if i := slices.IndexFunc(labels, func(l string) bool { return l != "suite" }); i >= 0 {
		return nil, fmt.Errorf("cases of a JUnit report are grouped by \"suite\" alone, not by %q", labels[i])
	}
	table, err := sample.NewTable([]string{PassRate}, labels, sample.NewLimit())
	if err != nil {
		return nil, err
	}
	for _, c := range r.Cases {
		if c.Verdict == sdk.CaseSkipped {
			continue
		}
		value := 0.0
		if c.Verdict == sdk.CasePassed {
			value = 1
		}
		suite := strings.ToValidUTF8(c.Suite[:min(len(c.Suite), evaluation.MaxName)], "")
		if err := table.Add(sample.KeyOf(c.Suite, c.Name), []float64{value}, []string{suite}[:len(labels)]); err != nil {
			return nil, err
		}
	}
	if table.Len() == 0 {
		return nil, fmt.Errorf("the JUnit report holds no case that was run")
	}
	table.Seal()
	series, _ := table.Series(PassRate)
	e := &evaluation.Evaluation{Tables: []*sample.Table{table}}
	return e, e.Add(evaluation.Metric{Name: PassRate, Value: series.Mean(), Samples: int64(series.Len()), Better: evaluation.Higher})
}
