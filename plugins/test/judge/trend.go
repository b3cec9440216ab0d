package judge

import (
	"fmt"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/stats"
)

// Past is what one release before this one measured.
type Past struct {
	Release string
	Values  map[string]float64
}

// Trends asks whether this release lies where those before it let one expect.
// The releases come oldest first, one step apart each.
func Trends(rules []TrendRule, past []Past, candidate *evaluation.Evaluation) []Check {
	var checks []Check
	for _, rule := range rules {
		checks = append(checks, rule.judge(past, candidate))
	}
	return checks
}

func (rule TrendRule) judge(past []Past, candidate *evaluation.Evaluation) Check {
	c := Check{Kind: Trend, Metric: rule.Metric, Verdict: Fail, Reason: "it was not measured"}
	m, ok := candidate.Find(rule.Metric)
	if !ok {
		return c
	}
	c.Value, c.Unit, c.Samples = &m.Value, m.Unit, m.Samples
	better, err := direction(Threshold{Metric: rule.Metric, Better: rule.Better}, m)
	if err != nil {
		c.Reason = err.Error()
		return c
	}
	c.Better = better
	line, fit, err := rule.line(past)
	if err != nil {
		c.Verdict = NotJudged
		c.Reason = fmt.Sprintf("a trend takes 3 releases with it, and %d are known", len(line.Values))
		return c
	}
	c.Line = &line
	c.outside(rule, fit)
	return c
}

// line fits the releases that have the metric. This release is the next point.
func (rule TrendRule) line(past []Past) (Line, stats.Line, error) {
	l := Line{Metric: rule.Metric, Confidence: rule.Confidence}
	var x []float64
	for _, p := range past {
		if v, ok := p.Values[rule.Metric]; ok {
			l.Releases, l.Values = append(l.Releases, p.Release), append(l.Values, v)
			x = append(x, float64(len(x)))
		}
	}
	fit, err := stats.Fit(x, l.Values)
	if err != nil {
		return l, fit, err
	}
	alpha := (1 - rule.Confidence) / 2
	l.Slope, l.Intercept = tidy(fit.Slope), tidy(fit.Intercept)
	for i := range len(x) + 1 {
		l.Band = append(l.Band, tidyInterval(fit.Confidence(float64(i), alpha)))
	}
	l.Prediction = tidyInterval(fit.Prediction(float64(len(x)), alpha))
	return l, fit, nil
}

// outside judges the side on which a release is worse.
func (c *Check) outside(rule TrendRule, fit stats.Line) {
	alpha := (1 - rule.Confidence) / 2
	limit, worse, declines := c.Line.Prediction.Lower-rule.Tolerance, false, fit.SlopeInterval(alpha).Upper < 0
	if c.Better == evaluation.Lower {
		limit, declines = c.Line.Prediction.Upper+rule.Tolerance, fit.SlopeInterval(alpha).Lower > 0
		c.Max, worse = &limit, *c.Value > limit
	} else {
		c.Min, worse = &limit, *c.Value < limit
	}
	switch {
	case worse:
		c.Verdict = rule.Outside
		c.Reason = fmt.Sprintf("after %d releases, %g %% of the next ones were to be expected between %.4g and %.4g",
			len(c.Line.Values), 100*rule.Confidence, c.Line.Prediction.Lower, c.Line.Prediction.Upper)
	case declines:
		c.Verdict = Warn
		c.Reason = fmt.Sprintf("it has been getting worse by %.2g a release", abs(fit.Slope))
	default:
		c.Verdict, c.Reason = Pass, ""
	}
}

func abs(v float64) float64 { return max(v, -v) }
