package judge

import (
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
)

// Judge answers all questions, those about bounds first. The baseline is nil
// where there is none. It is a *MismatchError when candidate and baseline cannot
// be compared; all reasons for it are named.
func Judge(rules Rules, candidate, baseline *evaluation.Evaluation) ([]Check, error) {
	var checks []*Check
	var mismatch MismatchError
	var waiting []pending
	for _, t := range rules.Thresholds {
		if t.Min != nil || t.Max != nil {
			c := bound(t, candidate)
			checks = append(checks, &c)
		}
	}
	for _, t := range rules.Thresholds {
		if t.Margin == nil {
			continue
		}
		c, p, err := against(t, candidate, baseline, rules.Compare)
		if err != nil {
			mismatch.Differences = append(mismatch.Differences, err.Error())
			continue
		}
		checks = append(checks, c)
		if p != nil {
			waiting = append(waiting, *p)
		}
	}
	family(waiting, rules.Compare)
	for _, rule := range rules.Slices {
		found, err := slice(rule, candidate, baseline, rules.Compare)
		if err != nil {
			mismatch.Differences = append(mismatch.Differences, err.Error())
		}
		checks = append(checks, found...)
	}
	if len(mismatch.Differences) > 0 {
		return nil, &mismatch
	}
	out := make([]Check, len(checks))
	for i, c := range checks {
		out[i] = *c
	}
	return out, nil
}

// against compares one metric with the baseline's.
func against(t Threshold, candidate, baseline *evaluation.Evaluation, compare Compare) (*Check, *pending, error) {
	c := &Check{Kind: Baseline, Metric: t.Metric, Better: t.Better}
	m, ok := candidate.Find(t.Metric)
	if !ok {
		b := bound(t, candidate)
		c.Verdict, c.Reason = b.Verdict, b.Reason
		return c, nil, nil
	}
	if baseline == nil {
		c.Value, c.Unit, c.Samples = &m.Value, m.Unit, m.Samples
		c.Verdict, c.Reason = Inconclusive, "there is no baseline to compare it with"
		return c, nil, nil
	}
	both, err := bring(t, candidate, baseline)
	if err != nil {
		return nil, nil, err
	}
	return both.compare(t, compare, nil)
}

// maxSlices is how many slices a label may make.
const maxSlices = 200

// slice asks the same of each slice. Those that are compared are a family.
func slice(rule SliceRule, candidate, baseline *evaluation.Evaluation, compare Compare) ([]*Check, error) {
	series, ok := candidate.Series(rule.Metric)
	if !ok {
		return nil, fmt.Errorf("%s: its items are not known, so that it has no slices; give samples", rule.Metric)
	}
	parts, ok := series.Slices(rule.By)
	switch {
	case !ok:
		return nil, fmt.Errorf("%s: its items have no %q", rule.Metric, rule.By)
	case len(parts) > maxSlices:
		return nil, fmt.Errorf("%s: %q makes %d slices; more than %d tell nobody anything", rule.Metric, rule.By, len(parts), maxSlices)
	}
	var both meet
	if rule.Margin != nil && baseline != nil {
		var err error
		if both, err = bring(rule.Threshold, candidate, baseline); err != nil {
			return nil, err
		}
		if !both.paired {
			return nil, errors.New(rule.Metric + ": its slices cannot be compared: " + both.why)
		}
	}
	var checks []*Check
	var waiting []pending
	for _, part := range parts {
		found, p, err := rule.part(part.Name, part.At, series.Values, both, baseline == nil, compare)
		if err != nil {
			return nil, err
		}
		checks = append(checks, found...)
		if p != nil {
			waiting = append(waiting, *p)
		}
	}
	family(waiting, compare)
	return checks, nil
}

// part judges one slice.
func (rule SliceRule) part(name string, at []int, values []float64, both meet, first bool, compare Compare) ([]*Check, *pending, error) {
	value := mean(values, at)
	b := &Check{Kind: Bound, Metric: rule.Metric, By: rule.By, Slice: name, Value: &value, Samples: int64(len(at)), Min: rule.Min, Max: rule.Max, Verdict: NotJudged}
	if len(at) < rule.MinItems {
		b.Reason = fmt.Sprintf("it has fewer than %d items", rule.MinItems)
		return []*Check{b}, nil, nil
	}
	var checks []*Check
	if rule.Min != nil || rule.Max != nil {
		b.within()
		checks = append(checks, b)
	}
	switch {
	case rule.Margin == nil && len(checks) == 0:
		return []*Check{b}, nil, nil
	case rule.Margin == nil:
		return checks, nil, nil
	case first:
		c := &Check{Kind: Baseline, Metric: rule.Metric, By: rule.By, Slice: name, Value: &value, Samples: int64(len(at)), Verdict: Inconclusive, Reason: "there is no baseline to compare it with"}
		return append(checks, c), nil, nil
	}
	c, p, err := both.compare(rule.Threshold, compare, at)
	if err != nil {
		return nil, nil, err
	}
	c.By, c.Slice = rule.By, name
	return append(checks, c), p, nil
}
