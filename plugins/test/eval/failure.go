package eval

import (
	"errors"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/sdk"
)

func unreadable(where string, err error) error {
	f := &sdk.Failure{
		Summary: "The metrics in " + where + " cannot be read", Class: "metrics_invalid", Cause: err,
		Detail: `Print one JSON object of finite numbers as the last thing, for example {"accuracy": 0.95}, or let format say what the command writes.`,
	}
	if where == "the samples" {
		f.Summary, f.Class = "The samples cannot be read", "samples_invalid"
		f.Detail = "Without its items an evaluation cannot be compared item by item. What samples matches is written by the command."
	}
	if errors.Is(err, metrics.ErrNone) || errors.Is(err, produced.ErrNone) || errors.Is(err, produced.ErrStale) {
		f.Summary, f.Class = "There are no metrics in "+where, "metrics_missing"
		if where == "the samples" {
			f.Summary, f.Class = "There are no samples", "samples_missing"
		}
	}
	return f
}

// mismatched refuses a comparison of what was measured differently.
func mismatched(err error) error {
	return &sdk.Failure{
		Summary: "The evaluation and its baseline cannot be compared", Class: "baseline_mismatch",
		Detail: err.Error() + "\nEvaluate the released model again, in the same way as the candidate.",
	}
}

// outcome is nil when the verdict lets the release go on. Otherwise it lists
// what did not pass, and why.
func outcome(r report.Report, candidate *evaluation.Evaluation) error {
	if r.Verdict == judge.Pass || r.Verdict == judge.Warn {
		return nil
	}
	names := func(verdict judge.Verdict) []string {
		var found []string
		for _, c := range r.Checks {
			if c.Verdict == verdict {
				found = append(found, report.NameOf(c))
			}
		}
		return found
	}
	f := &sdk.Failure{Detail: strings.TrimSuffix(report.Table(report.NotPassed(r.Checks)), "\n")}
	if r.Verdict == judge.Inconclusive {
		f.Class = "inconclusive"
		f.Summary = listed(names(judge.Inconclusive), len(r.Checks), "The evaluation does not show whether %s is good enough", "%d of %d checks are inconclusive: %s")
		f.Detail += "\nEvaluate more items, or allow a greater margin. With inconclusive = \"warn\" in the baseline block the stage would pass with a warning."
		return f
	}
	f.Class = "threshold_missed"
	f.Summary = listed(names(judge.Fail), len(r.Checks), "The threshold on %s is missed", "%d of %d thresholds are missed: %s")
	for _, c := range r.Checks {
		if c.Value == nil {
			f.Detail += "\nThe command reported: " + reported(candidate)
			break
		}
	}
	return f
}

func listed(names []string, all int, one, many string) string {
	if len(names) == 1 {
		return fmt.Sprintf(one, names[0])
	}
	return fmt.Sprintf(many, len(names), all, strings.Join(names[:min(len(names), 5)], ", "))
}

func reported(candidate *evaluation.Evaluation) string {
	const most = 20
	var names []string
	for _, m := range candidate.Metrics[:min(len(candidate.Metrics), most)] {
		names = append(names, m.Name)
	}
	if more := len(candidate.Metrics) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}
