package judge

import (
	"fmt"
	"math"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/sample"
)

// MismatchError says that candidate and baseline were measured differently, so
// that their difference would mean nothing.
type MismatchError struct{ Differences []string }

// Error lists the differences.
func (e *MismatchError) Error() string { return strings.Join(e.Differences, "\n") }

// meet is one metric of both models.
type meet struct {
	candidate, baseline evaluation.Metric
	better              evaluation.Direction
	sign                float64
	// The items stand pair by pair. Without them, why says what keeps the
	// comparison from being paired.
	items, against sample.Series
	paired         bool
	why            string
}

// bring puts a metric of the candidate and the baseline's together.
func bring(t Threshold, candidate, baseline *evaluation.Evaluation) (meet, error) {
	m, err := found(t, candidate, baseline)
	if err != nil {
		return m, err
	}
	if differences := evaluation.Differences(m.candidate.Setup, m.baseline.Setup); len(differences) > 0 {
		return m, fmt.Errorf("%s: %s", t.Metric, strings.Join(differences, "; "))
	}
	if m.better, err = direction(t, m.candidate); err != nil {
		return m, err
	}
	m.sign = 1
	if m.better == evaluation.Lower {
		m.sign = -1
	}
	return m, m.pair(t.Metric, candidate, baseline)
}

func found(t Threshold, candidate, baseline *evaluation.Evaluation) (meet, error) {
	var m meet
	var ok bool
	if m.candidate, ok = candidate.Find(t.Metric); !ok {
		return m, fmt.Errorf("%s: it was not measured", t.Metric)
	}
	if m.baseline, ok = baseline.Find(t.Metric); ok {
		return m, nil
	}
	if err := baseline.Unusable[t.Metric]; err != nil {
		return m, fmt.Errorf("%s: the baseline's cannot be judged: %w", t.Metric, err)
	}
	// Another filter of the same metric is the likely reason.
	bare, _, _ := strings.Cut(t.Metric, ",")
	for _, other := range baseline.Metrics {
		if otherBare, _, _ := strings.Cut(other.Name, ","); otherBare == bare {
			return m, fmt.Errorf("%s: the baseline has %s instead, with another filter", t.Metric, other.Name)
		}
	}
	return m, fmt.Errorf("%s: the baseline does not have it", t.Metric)
}

// pair finds the items of both.
func (m *meet) pair(metric string, candidate, baseline *evaluation.Evaluation) error {
	var here, there bool
	m.items, here = candidate.Series(metric)
	m.against, there = baseline.Series(metric)
	switch {
	case !here:
		m.why = "its items are not known"
		return nil
	case !there:
		m.why = "the baseline's items are not known"
		return nil
	}
	if err := sample.Pair(m.items, m.against); err != nil {
		return fmt.Errorf("%s: the items are not the same: %w", metric, err)
	}
	switch {
	case !agrees(m.items.Mean(), m.candidate.Value):
		m.why = fmt.Sprintf("its items have a mean of %.6g, so that it is no mean of them", m.items.Mean())
	case !agrees(m.against.Mean(), m.baseline.Value):
		m.why = fmt.Sprintf("the baseline's items have a mean of %.6g and not %.6g", m.against.Mean(), m.baseline.Value)
	default:
		m.paired = true
	}
	return nil
}

// agrees allows for a metric that was printed with three digits.
func agrees(mean, value float64) bool {
	return math.Abs(mean-value) <= 6e-4*math.Max(1, math.Abs(value))
}

// compare is a check that is judged with its family, unless nothing can be
// said; then it is judged already and pending is nil.
func (m meet) compare(t Threshold, compare Compare, at []int) (*Check, *pending, error) {
	c := &Check{Kind: Baseline, Metric: t.Metric, Unit: m.candidate.Unit, Better: m.better}
	value, against := m.candidate.Value, m.baseline.Value
	c.Samples = m.candidate.Samples
	if m.paired {
		c.Samples = int64(m.items.Len())
		if at != nil {
			value, against = mean(m.items.Values, at), mean(m.against.Values, at)
			c.Samples = int64(len(at))
		}
	}
	c.Value = &value
	c.Comparison = &Comparison{Baseline: against, Difference: value - against, Margin: *t.Margin, Alpha: compare.Alpha}
	limit := against - m.sign**t.Margin
	if m.sign > 0 {
		c.Min = &limit
	} else {
		c.Max = &limit
	}
	p := &pending{check: c, margin: *t.Margin, sign: m.sign}
	if m.paired {
		groups, err := m.groups(compare.ClusterBy, at)
		if err != nil {
			return nil, nil, err
		}
		p.estimate = paired(pick(m.items.Values, at), pick(m.against.Values, at), groups, m.sign)
		return c, p, nil
	}
	if m.candidate.StdErr == nil || m.baseline.StdErr == nil {
		c.Verdict = Inconclusive
		c.Comparison.Method = "none"
		c.Comparison.Interval = Interval{Lower: -math.MaxFloat64, Upper: math.MaxFloat64}
		c.Reason = m.why + ", and there is no standard error either: give samples"
		return c, nil, nil
	}
	p.estimate = unpaired(value, against, *m.candidate.StdErr, *m.baseline.StdErr, m.candidate.Samples, m.sign)
	return c, p, nil
}

func (m meet) groups(label string, at []int) ([]int, error) {
	if label == "" {
		return nil, nil
	}
	groups, ok := m.items.Groups(label)
	if !ok {
		return nil, fmt.Errorf("%s: its items have no %q to be grouped by", m.candidate.Name, label)
	}
	return pick(groups, at), nil
}

// pick is the values at some places; all of them without places.
func pick[T any](values []T, at []int) []T {
	if at == nil {
		return values
	}
	out := make([]T, len(at))
	for i, j := range at {
		out[i] = values[j]
	}
	return out
}

func mean(values []float64, at []int) float64 { return sample.Series{Values: pick(values, at)}.Mean() }
