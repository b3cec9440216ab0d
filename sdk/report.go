package sdk

// TestReport is what a tester measured.
type TestReport struct {
	Metrics    []Metric
	Thresholds []Threshold
	Cases      []TestCase
}

// Metric is one measured number.
type Metric struct {
	Name    string
	Value   float64 // never NaN or infinite
	Unit    string  // UCUM, or empty for a ratio
	Samples int64   // number of observations; 0 when not known
}

// Threshold is a bound on a metric.
type Threshold struct {
	Metric   string
	Min, Max *float64
	Met      bool
}

// Verdict of a test case.
type Verdict int

// The verdicts of a test case.
const (
	CasePassed Verdict = iota + 1
	CaseFailed
	CaseSkipped
	CaseBroken
)

// TestCase is one case of a suite.
type TestCase struct {
	Suite, Name string
	Verdict     Verdict
	Message     string // of a failure, at most 4 KiB
	Seconds     float64
}
