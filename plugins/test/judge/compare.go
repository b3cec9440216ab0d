package judge

import (
	"fmt"
	"math"
	"strconv"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/stats"
)

// pending is a comparison that waits for the others of its family.
type pending struct {
	check    *Check
	estimate estimate
	margin   float64
	sign     float64
}

// family judges comparisons together: with many of them, one passes or fails by
// chance. Holm's method keeps the probability of a single wrong one below alpha.
func family(all []pending, compare Compare) {
	notWorse, worse := make([]float64, len(all)), make([]float64, len(all))
	for i, p := range all {
		notWorse[i], worse[i] = p.estimate.Above(-p.margin), p.estimate.Below(-p.margin)
	}
	notWorse, worse = stats.Holm(notWorse), stats.Holm(worse)
	for i, p := range all {
		p.check.Comparison.PNotWorse, p.check.Comparison.PWorse = tidy(notWorse[i]), tidy(worse[i])
		p.check.Comparison.Family = len(all)
		p.decide(compare)
	}
}

// decide fills in what the estimate says, and judges it.
func (p pending) decide(compare Compare) {
	c, e := p.check.Comparison, p.estimate
	interval := e.Interval(compare.Alpha)
	if p.sign < 0 {
		interval.Lower, interval.Upper = -interval.Upper, -interval.Lower
	}
	c.Interval, c.Difference = tidyInterval(interval), tidy(c.Difference)
	c.Method, c.Pairs, c.Clusters, c.Alpha, c.Margin = e.method, e.items, e.clusters, compare.Alpha, p.margin
	if e.pairs != nil {
		c.Gained, c.Lost = e.pairs.Gained, e.pairs.Lost
	}
	strict := compare.Alpha / float64(c.Family)
	c.Power = tidy(p.power(strict))
	switch {
	case e.nothing != "":
		p.check.Verdict, p.check.Reason = Inconclusive, e.nothing
	case c.PNotWorse <= compare.Alpha && e.Below(0) <= compare.Alpha:
		p.check.Verdict = Warn
		p.check.Reason = fmt.Sprintf("it is worse than the baseline, though by less than the margin of %s", Number(p.margin))
	case c.PNotWorse <= compare.Alpha:
		p.check.Verdict = Pass
	case c.PWorse <= compare.Alpha:
		p.check.Verdict = Fail
		p.check.Reason = fmt.Sprintf("it is worse than the baseline by more than the margin of %s", Number(p.margin))
	default:
		p.check.Verdict = Inconclusive
		c.Needed = p.needed(strict, compare.Power)
		p.check.Reason = p.tooFew(c)
	}
}

// power is that of the data at hand, were both models equally good.
func (p pending) power(alpha float64) float64 {
	if e := p.estimate; e.pairs != nil && e.stdErr == 0 {
		// Models that never disagree pass when there are enough items for it.
		return boolean(e.pairs.N() > 0 && e.Above(-p.margin) <= alpha)
	}
	if math.IsInf(p.estimate.stdErr, 1) {
		return 0
	}
	return stats.Power(p.estimate.stdErr, p.margin, alpha)
}

// needed is how many items decide with the power asked for, if they are like
// those at hand; 0 when no number does.
func (p pending) needed(alpha, power float64) int64 {
	e := p.estimate
	n := stats.SampleSize(e.spread, e.value+p.margin, alpha, power)
	if e.pairs != nil && e.spread == 0 && p.margin > 0 && p.margin < 1 {
		// No disagreement yet: as many items as rule out a share of margin.
		n = math.Ceil(math.Log(alpha) / math.Log1p(-p.margin))
	}
	if math.IsInf(n, 0) || math.IsNaN(n) || n > 1e12 {
		return 0
	}
	return max(int64(n), int64(e.items)+1)
}

func (p pending) tooFew(c *Comparison) string {
	wanted := fmt.Sprintf("whether it is worse than the baseline by more than %s is not shown", Number(p.margin))
	switch {
	case c.Needed == 0:
		return wanted + "; the difference lies at the margin itself, where no number of items decides"
	case c.Pairs == 0:
		return wanted
	case c.Clusters > 0:
		return fmt.Sprintf("%s by %d items in %d groups; about %d would decide, in groups as large as these", wanted, c.Pairs, c.Clusters, c.Needed)
	}
	return fmt.Sprintf("%s by %d items; about %d would decide", wanted, c.Pairs, c.Needed)
}

// tidy keeps out of a report what JSON has no form for, and the last digits, in
// which processors differ.
func tidy(v float64) float64 {
	v, _ = strconv.ParseFloat(strconv.FormatFloat(v, 'g', 12, 64), 64)
	return min(max(v, -math.MaxFloat64), math.MaxFloat64)
}

// tidyInterval is an interval of a report.
func tidyInterval(i stats.Interval) Interval {
	return Interval{Lower: tidy(i.Lower), Upper: tidy(i.Upper)}
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// direction is what the tool and the configuration say together.
func direction(t Threshold, m evaluation.Metric) (evaluation.Direction, error) {
	switch {
	case t.Better != evaluation.Unstated && m.Better != evaluation.Unstated && t.Better != m.Better:
		return "", fmt.Errorf("the configuration says that %s values of %s are better, and the evaluation that %s ones are", t.Better, t.Metric, m.Better)
	case t.Better != evaluation.Unstated:
		return t.Better, nil
	case m.Better != evaluation.Unstated:
		return m.Better, nil
	}
	return evaluation.Higher, nil
}
