package report

import (
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/sdk"
)

// TestReport is what the runner and policies are told: one threshold for each
// metric or slice that was judged, with the tightest of its bounds. It is met
// when every check of it passed; what is not shown is not met, whatever the
// configuration takes it for.
func (r Report) TestReport() sdk.TestReport {
	var out sdk.TestReport
	at := make(map[string]int)
	slices := make(map[string]bool)
	var extra []sdk.Metric
	for _, c := range r.Checks {
		name := NameOf(c)
		if c.By != "" && c.Value != nil && !slices[name] {
			slices[name] = true
			extra = append(extra, sdk.Metric{Name: name, Value: *c.Value, Samples: c.Samples})
		}
		if c.Verdict == judge.NotJudged || c.Kind == judge.Trend && c.Verdict == judge.Warn {
			continue // a trend that only warns is no threshold
		}
		i, ok := at[name]
		if !ok {
			i = len(out.Thresholds)
			at[name] = i
			out.Thresholds = append(out.Thresholds, sdk.Threshold{Metric: name, Met: true})
		}
		t := &out.Thresholds[i]
		t.Met = t.Met && (c.Verdict == judge.Pass || c.Verdict == judge.Warn)
		t.Min, t.Max = tighter(t.Min, c.Min, 1), tighter(t.Max, c.Max, -1)
	}
	for _, m := range r.Metrics {
		out.Metrics = append(out.Metrics, sdk.Metric{Name: m.Name, Value: m.Value, Unit: m.Unit, Samples: m.Samples})
	}
	out.Metrics = append(out.Metrics, extra...)
	out.Metrics = bounded(out.Metrics, at)
	return out
}

// tighter is the greater of two bounds, or with a sign of -1 the smaller.
func tighter(a, b *float64, sign float64) *float64 {
	if a == nil || b != nil && sign**b > sign**a {
		return b
	}
	return a
}

// bounded keeps what the runner keeps, and of that what was judged first.
func bounded(metrics []sdk.Metric, judged map[string]int) []sdk.Metric {
	if len(metrics) <= evaluation.MaxMetrics {
		return metrics
	}
	var first, rest []sdk.Metric
	for _, m := range metrics {
		if _, ok := judged[m.Name]; ok {
			first = append(first, m)
		} else {
			rest = append(rest, m)
		}
	}
	return append(first, rest...)[:evaluation.MaxMetrics]
}
