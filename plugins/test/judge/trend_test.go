package judge_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
)

func TestTrend(t *testing.T) {
	t.Parallel()
	past := func(values ...float64) []judge.Past {
		var all []judge.Past
		for i, v := range values {
			all = append(all, judge.Past{Release: fmt.Sprintf("1.%d", i), Values: map[string]float64{"acc": v}})
		}
		return all
	}
	candidate := func(v float64) *evaluation.Evaluation {
		e := &evaluation.Evaluation{}
		if err := e.Add(evaluation.Metric{Name: "acc", Value: v}); err != nil {
			t.Fatal(err)
		}
		return e
	}
	rule := judge.TrendRule{Metric: "acc", Confidence: 0.95, Outside: judge.Fail}
	loose, lower := rule, rule
	loose.Tolerance = 0.05
	lower.Better = evaluation.Lower
	steady := past(0.90, 0.91, 0.905, 0.915, 0.91)
	for name, tt := range map[string]struct {
		rule    judge.TrendRule
		past    []judge.Past
		value   float64
		verdict judge.Verdict
		reason  string
	}{
		"as expected":     {rule, steady, 0.915, judge.Pass, ""},
		"better":          {rule, steady, 0.99, judge.Pass, ""},
		"a drop":          {rule, steady, 0.88, judge.Fail, "after 5 releases, 95 % of the next ones"},
		"tolerated":       {loose, steady, 0.88, judge.Pass, ""},
		"a rise of loss":  {lower, steady, 0.99, judge.Fail, "after 5 releases"},
		"slow decline":    {rule, past(0.95, 0.94, 0.931, 0.92, 0.909), 0.90, judge.Warn, "getting worse by 0.01 a release"},
		"two releases":    {rule, past(0.9, 0.91), 0.5, judge.NotJudged, "takes 3 releases with it, and 2 are known"},
		"nothing so far":  {rule, nil, 0.5, judge.NotJudged, "0 are known"},
		"other metric":    {judge.TrendRule{Metric: "f1", Confidence: 0.95, Outside: judge.Fail}, steady, 0.5, judge.Fail, "it was not measured"},
		"no band at all":  {rule, past(0.9, 0.9, 0.9), 0.899, judge.Fail, "between 0.9 and 0.9"},
		"with tolerance ": {loose, past(0.9, 0.9, 0.9), 0.899, judge.Pass, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := judge.Trends([]judge.TrendRule{tt.rule}, tt.past, candidate(tt.value))[0]
			if got.Verdict != tt.verdict || !strings.Contains(got.Reason, tt.reason) {
				t.Errorf("verdict is %s (%s), want %s (%s)", got.Verdict, got.Reason, tt.verdict, tt.reason)
			}
		})
	}
}
