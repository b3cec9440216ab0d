package judge_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/sample"
)

// measured is an evaluation with one metric, and the values of its items.
func measured(t *testing.T, metric string, values []float64, labels map[string][]string) *evaluation.Evaluation {
	t.Helper()
	e := &evaluation.Evaluation{}
	include(t, e, metric, values, labels)
	return e
}

func include(t *testing.T, e *evaluation.Evaluation, metric string, values []float64, labels map[string][]string) {
	t.Helper()
	var names []string
	for name := range labels {
		names = append(names, name)
	}
	table, err := sample.NewTable([]string{metric}, names, sample.NewLimit())
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		var texts []string
		for _, name := range names {
			texts = append(texts, labels[name][i])
		}
		if err := table.Add(sample.KeyOf(metric, fmt.Sprint(i)), []float64{v}, texts); err != nil {
			t.Fatal(err)
		}
	}
	table.Seal()
	e.Tables = append(e.Tables, table)
	s, _ := table.Series(metric)
	if err := e.Add(evaluation.Metric{Name: metric, Value: s.Mean(), Samples: int64(len(values))}); err != nil {
		t.Fatal(err)
	}
}

// outcomes are right-or-wrong items of candidate and baseline.
func outcomes(both, gained, lost, neither int) (candidate, baseline []float64) {
	for _, group := range []struct {
		n    int
		c, b float64
	}{{both, 1, 1}, {gained, 1, 0}, {lost, 0, 1}, {neither, 0, 0}} {
		for range group.n {
			candidate, baseline = append(candidate, group.c), append(baseline, group.b)
		}
	}
	return candidate, baseline
}

func within(margin float64) judge.Threshold { return judge.Threshold{Metric: "acc", Margin: &margin} }

var usual = judge.Compare{Alpha: 0.05, Power: 0.8}

// one judges a single comparison.
func one(t *testing.T, threshold judge.Threshold, candidate, baseline *evaluation.Evaluation, compare judge.Compare) judge.Check {
	t.Helper()
	checks, err := judge.Judge(judge.Rules{Thresholds: []judge.Threshold{threshold}, Compare: compare}, candidate, baseline)
	if err != nil {
		t.Fatal(err)
	}
	if len(checks) != 1 {
		t.Fatalf("there are %d checks", len(checks))
	}
	return checks[0]
}

func TestRightOrWrong(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		both, gained, lost, neither int
		verdict                     judge.Verdict
		reason                      string
	}{
		"better":                     {800, 60, 30, 110, judge.Pass, ""},
		"equal, with much data":      {1700, 60, 60, 180, judge.Pass, ""},
		"equal, with little":         {85, 3, 3, 9, judge.Inconclusive, "is not shown by 100 items; about "},
		"never disagree, 149":        {149, 0, 0, 0, judge.Pass, ""},
		"never disagree, 148":        {148, 0, 0, 0, judge.Inconclusive, "is not shown by 148 items; about 149 would decide"},
		"much worse":                 {700, 20, 120, 160, judge.Fail, "worse than the baseline by more than the margin of 0.02"},
		"worse within the margin":    {7000, 100, 180, 720, judge.Warn, "though by less than the margin of 0.02"},
		"worse by just the margin":   {880, 10, 30, 80, judge.Inconclusive, "lies at the margin itself"},
		"worse, and the data cannot": {85, 1, 5, 9, judge.Inconclusive, "about "},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, b := outcomes(tt.both, tt.gained, tt.lost, tt.neither)
			got := one(t, within(0.02), measured(t, "acc", c, nil), measured(t, "acc", b, nil), usual)
			if got.Verdict != tt.verdict || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("verdict is %s (%s), want %s (%s)", got.Verdict, got.Reason, tt.verdict, tt.reason)
			}
			x := got.Comparison
			if x.Method != "exact McNemar" || x.Gained != tt.gained || x.Lost != tt.lost || x.Pairs != len(c) {
				t.Errorf("comparison is %+v", x)
			}
			if x.Interval.Lower > x.Difference || x.Interval.Upper < x.Difference {
				t.Errorf("%+v does not hold %g", x.Interval, x.Difference)
			}
		})
	}
}

// What is said to decide decides: the same data, as many times as needed.
func TestNeededDecides(t *testing.T) {
	t.Parallel()
	for _, counts := range [][4]int{{85, 3, 3, 9}, {85, 1, 5, 9}, {270, 10, 9, 30}, {148, 0, 0, 0}, {40, 4, 3, 3}} {
		c, b := outcomes(counts[0], counts[1], counts[2], counts[3])
		little := one(t, within(0.02), measured(t, "acc", c, nil), measured(t, "acc", b, nil), usual)
		if little.Verdict != judge.Inconclusive || little.Comparison.Needed == 0 {
			t.Fatalf("%v: %s, %+v", counts, little.Verdict, little.Comparison)
		}
		times := int(math.Ceil(float64(little.Comparison.Needed) / float64(len(c))))
		c, b = outcomes(counts[0]*times, counts[1]*times, counts[2]*times, counts[3]*times)
		much := one(t, within(0.02), measured(t, "acc", c, nil), measured(t, "acc", b, nil), usual)
		if much.Verdict == judge.Inconclusive {
			t.Errorf("%v: %d items do not decide either: %s", counts, len(c), much.Reason)
		}
		if half := little.Comparison.Needed / 3; int(half) > len(c) {
			t.Errorf("%v: a third of the items decides as well", counts)
		}
	}
}

// Less is better for a latency: the same numbers with the other sign give the
// same verdict, and differences keep the sign that people expect.
func TestLowerIsBetter(t *testing.T) {
	t.Parallel()
	var c, b, minusC, minusB []float64
	for i := range 300 {
		base := 10 + math.Mod(float64(i)*1.618, 5)
		change := 0.3 + math.Mod(float64(i)*2.718, 1) - 0.5
		b, c = append(b, base), append(c, base+change)
		minusB, minusC = append(minusB, -base), append(minusC, -base-change)
	}
	for margin, want := range map[float64]judge.Verdict{0.5: judge.Warn, 0.1: judge.Fail, 0.3: judge.Inconclusive} {
		lower := within(margin)
		lower.Better = evaluation.Lower
		got := one(t, lower, measured(t, "acc", c, nil), measured(t, "acc", b, nil), usual)
		mirrored := one(t, within(margin), measured(t, "acc", minusC, nil), measured(t, "acc", minusB, nil), usual)
		if got.Verdict != want || mirrored.Verdict != want {
			t.Errorf("margin %g: verdicts are %s and %s, want %s", margin, got.Verdict, mirrored.Verdict, want)
		}
		if got.Comparison.Difference < 0.2 || got.Max == nil || math.Abs(*got.Max-got.Comparison.Baseline-margin) > 1e-12 {
			t.Errorf("comparison is %+v, at most %v", got.Comparison, got.Max)
		}
		if math.Abs(got.Comparison.Interval.Lower+mirrored.Comparison.Interval.Upper) > 1e-9 {
			t.Errorf("intervals are %+v and %+v", got.Comparison.Interval, mirrored.Comparison.Interval)
		}
		if got.Comparison.Method != "paired bootstrap" {
			t.Errorf("method is %s", got.Comparison.Method)
		}
	}
}

// Twenty questions about each text are not twenty answers.
func TestClusters(t *testing.T) {
	t.Parallel()
	var c, b []float64
	var texts []string
	for text := range 30 {
		for question := range 20 {
			right := float64((text + question) % 2)
			b = append(b, right)
			switch text % 10 {
			case 0:
				right = 1 // all questions about the text are gained
			case 5:
				right = 0 // or lost
			}
			c, texts = append(c, right), append(texts, fmt.Sprint(text))
		}
	}
	labels := map[string][]string{"text": texts}
	single := one(t, within(0.05), measured(t, "acc", c, labels), measured(t, "acc", b, nil), usual)
	clustered := one(t, within(0.05), measured(t, "acc", c, labels), measured(t, "acc", b, nil), judge.Compare{Alpha: 0.05, Power: 0.8, ClusterBy: "text"})
	if single.Verdict != judge.Pass {
		t.Errorf("taken singly: %s, %s", single.Verdict, single.Reason)
	}
	if clustered.Verdict != judge.Inconclusive || clustered.Comparison.Clusters != 30 || clustered.Comparison.Method != "paired bootstrap of clusters" {
		t.Errorf("clustered: %s, %+v", clustered.Verdict, clustered.Comparison)
	}
	if !strings.Contains(clustered.Reason, "by 600 items in 30 groups; about") {
		t.Errorf("reason is %q", clustered.Reason)
	}
}

// One of many tasks passes by chance: together they need more.
func TestHolmAcrossTasks(t *testing.T) {
	t.Parallel()
	c, b := outcomes(880, 30, 30, 60) // p = 0.005 against a margin of 0.02
	together := func(n int) []judge.Check {
		candidate, baseline := &evaluation.Evaluation{}, &evaluation.Evaluation{}
		var rules judge.Rules
		rules.Compare = usual
		for i := range n {
			name := fmt.Sprintf("task%d/acc", i)
			include(t, candidate, name, c, nil)
			include(t, baseline, name, b, nil)
			threshold := within(0.02)
			threshold.Metric = name
			rules.Thresholds = append(rules.Thresholds, threshold)
		}
		checks, err := judge.Judge(rules, candidate, baseline)
		if err != nil {
			t.Fatal(err)
		}
		return checks
	}
	alone, ten := together(1)[0], together(10)
	if alone.Verdict != judge.Pass {
		t.Fatalf("alone: %s, %+v", alone.Verdict, alone.Comparison)
	}
	if want := min(1, 10*alone.Comparison.PNotWorse); math.Abs(ten[0].Comparison.PNotWorse-want) > 1e-12 {
		t.Errorf("p is %g, adjusted %g, want %g", alone.Comparison.PNotWorse, ten[0].Comparison.PNotWorse, want)
	}
	if want := 10*alone.Comparison.PNotWorse <= 0.05; (ten[0].Verdict == judge.Pass) != want || ten[0].Comparison.Family != 10 {
		t.Errorf("ten together: %s at p = %g", ten[0].Verdict, ten[0].Comparison.PNotWorse)
	}
	if twenty := together(20)[0]; twenty.Verdict != judge.Inconclusive || twenty.Comparison.Power >= alone.Comparison.Power {
		t.Errorf("twenty together: %s, %+v", twenty.Verdict, twenty.Comparison)
	}
}

// Whatever was measured differently is refused, and all of it is named.
func TestRefusesOtherSetups(t *testing.T) {
	t.Parallel()
	stdErr := 0.01
	setup := func(change ...string) *evaluation.Evaluation {
		facts := map[string]string{"task_hash": "aa", "version": "1.0", "n-shot": "5", "limit": "100", "chat_template_sha": "cc"}
		for i := 0; i < len(change); i += 2 {
			if facts[change[i]] = change[i+1]; change[i+1] == "" {
				delete(facts, change[i])
			}
		}
		e := &evaluation.Evaluation{}
		if err := e.Add(evaluation.Metric{Name: "acc", Value: 0.5, StdErr: &stdErr, Setup: facts}); err != nil {
			t.Fatal(err)
		}
		return e
	}
	other := &evaluation.Evaluation{}
	if err := other.Add(evaluation.Metric{Name: "acc,strict", Value: 1}); err != nil {
		t.Fatal(err)
	}
	nan := &evaluation.Evaluation{}
	nan.Refuse("acc", errors.New("line 3: it is NaN"))
	for name, tt := range map[string]struct {
		baseline *evaluation.Evaluation
		want     string
	}{
		"task_hash":     {setup("task_hash", "bb"), "acc: task_hash is aa, in the baseline bb"},
		"version":       {setup("version", "2.0"), "acc: version is 1.0, in the baseline 2.0"},
		"several":       {setup("n-shot", "0", "chat_template_sha", "dd"), "acc: chat_template_sha is cc, in the baseline dd; n-shot is 5, in the baseline 0"},
		"not stated":    {setup("limit", ""), "acc: limit is 100, in the baseline not stated"},
		"filter":        {other, "acc: the baseline has acc,strict instead, with another filter"},
		"NaN":           {nan, "acc: the baseline's cannot be judged: line 3: it is NaN"},
		"not there":     {&evaluation.Evaluation{}, "acc: the baseline does not have it"},
		"other items":   {measured(t, "acc", []float64{1}, nil), "acc: chat_template_sha is cc, in the baseline not stated; limit"},
		"same, no item": {setup(), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := judge.Judge(judge.Rules{Thresholds: []judge.Threshold{within(0.1)}, Compare: usual}, setup(), tt.baseline)
			if tt.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if _, ok := errors.AsType[*judge.MismatchError](err); !ok || !strings.HasPrefix(err.Error(), tt.want) {
				t.Errorf("error is %v, want %s", err, tt.want)
			}
		})
	}
	_, err := judge.Judge(judge.Rules{Thresholds: []judge.Threshold{within(0.1)}, Compare: usual}, measured(t, "acc", []float64{1, 0}, nil), measured(t, "acc", []float64{1, 0, 1}, nil))
	if err == nil || err.Error() != "acc: the items are not the same: 2 items have a partner, 0 are in the candidate's evaluation alone and 1 in the baseline's alone" {
		t.Errorf("error is %v", err)
	}
}

// Without items there is a weak comparison by standard errors, or none.
func TestWithoutItems(t *testing.T) {
	t.Parallel()
	plain := func(value float64, stdErr ...float64) *evaluation.Evaluation {
		e := &evaluation.Evaluation{}
		m := evaluation.Metric{Name: "acc", Value: value, Samples: 1000}
		if len(stdErr) > 0 {
			m.StdErr = &stdErr[0]
		}
		if err := e.Add(m); err != nil {
			t.Fatal(err)
		}
		return e
	}
	weak := one(t, within(0.03), plain(0.81, 0.012), plain(0.80, 0.012), usual)
	// By hand: 0.04 / (0.012 √2) = 2.357, of which the upper tail is 0.0092.
	if weak.Verdict != judge.Pass || weak.Comparison.Method != "unpaired z, weak" || math.Abs(weak.Comparison.PNotWorse-0.0092) > 5e-5 {
		t.Errorf("weak: %s, %+v", weak.Verdict, weak.Comparison)
	}
	none := one(t, within(0.03), plain(0.81), plain(0.80, 0.012), usual)
	if none.Verdict != judge.Inconclusive || none.Reason != "its items are not known, and there is no standard error either: give samples" {
		t.Errorf("none: %s, %s", none.Verdict, none.Reason)
	}
	first := one(t, within(0.03), plain(0.81), nil, usual)
	if first.Verdict != judge.Inconclusive || first.Reason != "there is no baseline to compare it with" {
		t.Errorf("first: %s, %s", first.Verdict, first.Reason)
	}
	zero := one(t, within(0.03), plain(0.81, 0), plain(0.80, 0), usual)
	if zero.Verdict != judge.Inconclusive {
		t.Errorf("zero: %s, %s", zero.Verdict, zero.Reason)
	}
}

// A metric that is not the mean of its items, such as F1, is not judged by them.
func TestItemsThatDoNotMakeTheMetric(t *testing.T) {
	t.Parallel()
	c, b := outcomes(500, 20, 20, 60)
	candidate, baseline := measured(t, "acc", c, nil), measured(t, "acc", b, nil)
	candidate.Metrics[0].Value = 0.5
	got := one(t, within(0.02), candidate, baseline, usual)
	if got.Verdict != judge.Inconclusive || !strings.HasPrefix(got.Reason, "its items have a mean of 0.866667, so that it is no mean of them") {
		t.Errorf("verdict is %s: %s", got.Verdict, got.Reason)
	}
}

func TestFewItemsProveNothing(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]float64{"one": {0.5}, "five equal": {0.5, 0.6, 0.7, 0.8, 0.9}} {
		got := one(t, within(0.1), measured(t, "acc", values, nil), measured(t, "acc", values, nil), usual)
		if got.Verdict != judge.Inconclusive || !strings.Contains(got.Reason, "proves nothing") {
			t.Errorf("%s: %s, %s", name, got.Verdict, got.Reason)
		}
	}
}

func TestSlices(t *testing.T) {
	t.Parallel()
	c, b := outcomes(280, 10, 10, 0)
	var digits []string
	for i := range c {
		digits = append(digits, []string{"three", "eight", "rare"}[min(i%2, 1)])
	}
	digits[299] = "rare"
	lower := 0.97
	margin := 0.1
	rules := judge.Rules{Compare: usual, Slices: []judge.SliceRule{{
		Threshold: judge.Threshold{Metric: "acc", Min: &lower, Margin: &margin}, By: "digit", MinItems: 5,
	}}}
	labels := map[string][]string{"digit": digits}
	checks, err := judge.Judge(rules, measured(t, "acc", c, labels), measured(t, "acc", b, nil))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, k := range checks {
		got = append(got, fmt.Sprintf("%s %s=%s n=%d %s", k.Kind, k.By, k.Slice, k.Samples, k.Verdict))
	}
	want := []string{
		"bound digit=eight n=149 PASS", "baseline digit=eight n=149 PASS",
		"bound digit=rare n=1 NOT_JUDGED",
		"bound digit=three n=150 FAIL", "baseline digit=three n=150 PASS",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
	if checks[1].Comparison.Family != 2 {
		t.Errorf("the family has %d members", checks[1].Comparison.Family)
	}
	rules.Slices[0].By = "colour"
	if _, err := judge.Judge(rules, measured(t, "acc", c, labels), nil); err == nil || !strings.Contains(err.Error(), `no "colour"`) {
		t.Errorf("error is %v", err)
	}
}

func TestOverall(t *testing.T) {
	t.Parallel()
	of := func(verdicts ...judge.Verdict) []judge.Check {
		var checks []judge.Check
		for _, v := range verdicts {
			checks = append(checks, judge.Check{Verdict: v})
		}
		return checks
	}
	for _, tt := range []struct {
		checks       []judge.Check
		inconclusive judge.Verdict
		want         judge.Verdict
	}{
		{nil, judge.Fail, judge.Pass},
		{of(judge.Pass, judge.NotJudged), judge.Fail, judge.Pass},
		{of(judge.Pass, judge.Warn), judge.Fail, judge.Warn},
		{of(judge.Inconclusive, judge.Warn), judge.Fail, judge.Inconclusive},
		{of(judge.Inconclusive, judge.Pass), judge.Warn, judge.Warn},
		{of(judge.Inconclusive, judge.Fail), judge.Warn, judge.Fail},
	} {
		if got := judge.Overall(tt.checks, tt.inconclusive); got != tt.want {
			t.Errorf("%+v: %s, want %s", tt.checks, got, tt.want)
		}
	}
}
