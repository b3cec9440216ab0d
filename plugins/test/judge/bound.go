package judge

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
)

// bound checks a metric against fixed numbers, which belong to what is accepted.
func bound(t Threshold, candidate *evaluation.Evaluation) Check {
	c := Check{Kind: Bound, Metric: t.Metric, Min: t.Min, Max: t.Max, Better: t.Better}
	m, ok := candidate.Find(t.Metric)
	if !ok {
		c.Verdict, c.Reason = Fail, "it was not measured"
		if err := candidate.Unusable[t.Metric]; err != nil {
			c.Reason = "it cannot be judged: " + err.Error()
		}
		return c
	}
	c.Value, c.Unit, c.Samples = &m.Value, m.Unit, m.Samples
	c.within()
	return c
}

// within judges the value by the bounds.
func (c *Check) within() {
	c.Verdict = Pass
	switch {
	case c.Min != nil && *c.Value < *c.Min:
		c.Verdict, c.Reason = Fail, fmt.Sprintf("%s is less than %s", Number(*c.Value), Number(*c.Min))
	case c.Max != nil && *c.Value > *c.Max:
		c.Verdict, c.Reason = Fail, fmt.Sprintf("%s is more than %s", Number(*c.Value), Number(*c.Max))
	}
}

// Bounds is what is asked of a check's value, for example ">= 0.93".
func (c Check) Bounds() string {
	var parts []string
	if c.Min != nil {
		parts = append(parts, ">= "+Number(*c.Min))
	}
	if c.Max != nil {
		parts = append(parts, "<= "+Number(*c.Max))
	}
	return strings.Join(parts, ", ")
}

// Number is the shortest text that reads back as the same value, so that a
// value just below its bound never looks equal to it.
func Number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
