package judge

import "github.com/stagegate/stagegate/plugins/test/evaluation"

// Verdict is what a check comes to.
type Verdict string

// The verdicts.
const (
	Pass         Verdict = "PASS"
	Warn         Verdict = "WARN"         // passed, and a person should look
	Fail         Verdict = "FAIL"         // shown to be worse than allowed
	Inconclusive Verdict = "INCONCLUSIVE" // neither is shown
	NotJudged    Verdict = "NOT_JUDGED"   // shown for information
)

// Kind says what a metric was checked against.
type Kind string

// The kinds.
const (
	Bound    Kind = "bound"    // fixed numbers
	Baseline Kind = "baseline" // the released model
	Trend    Kind = "trend"    // the releases so far
)

// Interval is where a number lies.
type Interval struct {
	Lower float64 `json:"lower"`
	Upper float64 `json:"upper"`
}

// Check is one question, and its answer.
type Check struct {
	Kind   Kind   `json:"kind"`
	Metric string `json:"metric"`
	// By and Slice say of which items, where not of all.
	By    string `json:"by,omitempty"`
	Slice string `json:"slice,omitempty"`
	Unit  string `json:"unit,omitempty"`

	Value   *float64 `json:"value,omitempty"` // nothing when it was not measured
	Samples int64    `json:"samples,omitempty"`
	Min     *float64 `json:"min,omitempty"`
	Max     *float64 `json:"max,omitempty"`

	Better     evaluation.Direction `json:"better,omitempty"`
	Comparison *Comparison          `json:"comparison,omitempty"`
	Line       *Line                `json:"line,omitempty"`

	Verdict Verdict `json:"verdict"`
	Reason  string  `json:"reason,omitempty"` // for any verdict but PASS
}

// Comparison is a metric against the baseline's.
type Comparison struct {
	Baseline   float64  `json:"baseline"`
	Difference float64  `json:"difference"` // candidate minus baseline
	Interval   Interval `json:"interval"`   // of the difference, alpha left out on each side
	Margin     float64  `json:"margin"`     // how much worse is still accepted
	Alpha      float64  `json:"alpha"`
	Method     string   `json:"method"`
	Pairs      int      `json:"pairs,omitempty"`
	Clusters   int      `json:"clusters,omitempty"`
	Gained     int      `json:"gained,omitempty"` // items that only the candidate gets right
	Lost       int      `json:"lost,omitempty"`   // items that only the baseline gets right
	// PNotWorse is small when the candidate is surely not worse than allowed;
	// PWorse when it surely is. Both are adjusted for how many comparisons there are.
	PNotWorse float64 `json:"p_not_worse"`
	PWorse    float64 `json:"p_worse"`
	Family    int     `json:"family"` // comparisons judged together
	// Power is how likely a candidate that is as good as the baseline passes
	// with so much data.
	Power float64 `json:"power"`
	// Needed is how many items would decide; 0 when it is decided, or when no
	// number would.
	Needed int64 `json:"needed,omitempty"`
}

// Line is a metric through the releases so far.
type Line struct {
	Metric     string    `json:"metric"`
	Releases   []string  `json:"releases"` // the oldest first
	Values     []float64 `json:"values"`
	Slope      float64   `json:"slope"` // a release
	Intercept  float64   `json:"intercept"`
	Confidence float64   `json:"confidence"`
	// Band is where the line is sure to lie, at each release and at this one;
	// Prediction is where this release was to be expected.
	Band       []Interval `json:"band"`
	Prediction Interval   `json:"prediction"`
}

// Overall is the worst of the verdicts. Inconclusive checks count as what the
// configuration takes them for.
func Overall(checks []Check, inconclusive Verdict) Verdict {
	worst := Pass
	for _, c := range checks {
		v := c.Verdict
		if v == Inconclusive && inconclusive == Warn {
			v = Warn
		}
		if severity(v) > severity(worst) {
			worst = v
		}
	}
	return worst
}

func severity(v Verdict) int {
	switch v {
	case Fail:
		return 3
	case Inconclusive:
		return 2
	case Warn:
		return 1
	case Pass, NotJudged:
	}
	return 0
}
