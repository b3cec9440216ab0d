package smoke

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/test/endpoint"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/load"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/sdk"
)

// failures are the reasons, the most frequent first.
func failures(r load.Result, plan load.Plan) []report.Count {
	var found []report.Count
	for _, one := range r.Reasons {
		found = append(found, report.Count{Text: one.Text, Count: one.Count})
	}
	if r.Dropped > 0 {
		found = append(found, report.Count{Text: fmt.Sprintf("not sent, because %d others were under way (max_in_flight)", plan.InFlight), Count: r.Dropped})
	}
	return found
}

// curves are the times of all requests, and what thresholds ask of them.
func curves(r load.Result, checks []judge.Check) []report.Curve {
	count := r.Latency.Count()
	if count == 0 {
		return nil
	}
	c := report.Curve{Metric: "latency", Unit: "ms"}
	for i := 0; ; i++ {
		beyond := math.Pow(10, -float64(i)/10)
		if beyond*float64(count) < 1 {
			break
		}
		share := 1 - beyond
		c.Points = append(c.Points, report.Portion{Share: share, Value: millis(r.Latency.Quantile(share))})
	}
	c.Points = append(c.Points, report.Portion{Share: 1 - 1/float64(count+1), Value: millis(r.Latency.Max())})
	for _, m := range metrics() {
		for _, check := range checks {
			if check.Metric == m.name && m.quantile > 0 && check.Max != nil && strings.HasPrefix(m.name, "latency_") {
				c.Bounds = append(c.Bounds, report.Portion{Share: m.quantile, Value: *check.Max})
			}
		}
	}
	return []report.Curve{c}
}

// show prints what a person wants to see of it.
func (s settings) show(r report.Report, result load.Result, out *sdk.Emitter) {
	for _, m := range r.Metrics {
		out.Metric(sdk.Metric{Name: m.Name, Value: m.Value, Unit: m.Unit, Samples: m.Samples})
	}
	w := out.Stdout()
	fmt.Fprintf(w, "%d of %d answers were good\n", result.Good, result.All())
	if n := result.Latency.Count(); n > 0 {
		fmt.Fprint(w, "latency:")
		for _, q := range []float64{0.5, 0.9, 0.99} {
			if n < (metric{quantile: q}).needs() {
				break
			}
			fmt.Fprintf(w, " %s %.4g ms,", quantileName(q), millis(result.Latency.Quantile(q)))
		}
		fmt.Fprintf(w, " longest %.4g ms\n", millis(result.Latency.Max()))
	}
	fmt.Fprint(w, list(r.Failures, 50))
	if lag := result.Lag.Quantile(0.99); result.Lag.Count() > 0 && lag > 20*time.Millisecond {
		fmt.Fprintf(out.Stderr(), "1 %% of the requests were sent more than %s late: this machine, and not the server, may be what is slow\n", lag.Round(time.Millisecond))
	}
	fmt.Fprint(w, "\n"+report.Table(r.Checks))
}

// list is reasons with how often each was seen, one a line.
func list(found []report.Count, most int) string {
	var b strings.Builder
	for _, one := range found[:min(len(found), most)] {
		fmt.Fprintf(&b, "%d × %s\n", one.Count, one.Text)
	}
	if more := len(found) - most; more > 0 {
		fmt.Fprintf(&b, "and %d other reasons\n", more)
	}
	return b.String()
}

// outcome is nil when all thresholds are met.
func (s settings) outcome(r report.Report, result load.Result) error {
	if r.Verdict == judge.Pass {
		return nil
	}
	reasons := make([]string, len(r.Failures))
	for i, one := range r.Failures {
		reasons[i] = one.Text
	}
	if result.Good == 0 {
		return &sdk.Failure{
			Summary: fmt.Sprintf("None of %d requests to %s got a good answer: %s", result.All(), s.shown, reasons[0]), Class: "endpoint_failed",
			Detail: remedies(strings.TrimSuffix(list(r.Failures, 5), "\n"), reasons...),
		}
	}
	bad := report.NotPassed(r.Checks)
	names := make([]string, len(bad))
	for i, c := range bad {
		names[i] = c.Metric
	}
	f := &sdk.Failure{
		Summary: fmt.Sprintf("%d of %d thresholds are missed: %s", len(bad), len(r.Checks), strings.Join(names[:min(len(names), 5)], ", ")),
		Detail:  remedies(strings.TrimSuffix(report.Table(bad)+list(r.Failures, 5), "\n"), reasons...), Class: "threshold_missed",
	}
	if len(bad) == 1 {
		f.Summary = fmt.Sprintf("The threshold on %s is missed", names[0])
	}
	return f
}

// remedies appends what can be done about reasons, each once.
func remedies(text string, reasons ...string) string {
	said := make(map[string]bool)
	for _, reason := range reasons {
		if remedy := endpoint.Remedy(reason); remedy != "" && !said[remedy] {
			said[remedy] = true
			text += "\n" + remedy
		}
	}
	return text
}
