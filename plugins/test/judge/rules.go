package judge

import "github.com/stagegate/stagegate/plugins/test/evaluation"

// Rules is what a configuration asks for.
type Rules struct {
	Thresholds []Threshold
	Slices     []SliceRule
	Trends     []TrendRule
	Compare    Compare
}

// Threshold is what is asked of one metric.
type Threshold struct {
	Metric   string
	Min, Max *float64
	Margin   *float64 // nothing: it is not compared
	Better   evaluation.Direction
}

// SliceRule is what is asked of a metric within each slice.
type SliceRule struct {
	Threshold

	By       string
	MinItems int // slices with fewer are shown and not judged
}

// TrendRule is what is asked of a metric's way through the releases.
type TrendRule struct {
	Metric     string
	Confidence float64
	Tolerance  float64 // outside of the band by no more than this is not outside
	Outside    Verdict // Fail or Warn
	Better     evaluation.Direction
}

// Compare is how candidate and baseline are compared.
type Compare struct {
	Alpha, Power float64
	ClusterBy    string // a label; empty when each item stands for itself
}

// Labels are those that items need, each once.
func (r Rules) Labels() []string {
	var labels []string
	seen := map[string]bool{"": true}
	add := func(label string) {
		if !seen[label] {
			seen[label] = true
			labels = append(labels, label)
		}
	}
	add(r.Compare.ClusterBy)
	for _, s := range r.Slices {
		add(s.By)
	}
	return labels
}
