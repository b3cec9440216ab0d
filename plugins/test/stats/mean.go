package stats

import "math"

// Mean is what differences of pairs, or values of items, say about their mean
// by Student's t.
type Mean struct {
	N        int
	Clusters int // 0 when each item stands for itself
	Value    float64
	StdErr   float64
	// Spread is the standard deviation of one item; with clusters, that of one
	// item that says as much as the clustered ones do on average.
	Spread float64
	df     float64
}

// MeanOf takes the items for independent.
func MeanOf(values []float64) Mean {
	n := float64(len(values))
	m := Mean{N: len(values), Value: Average(values), df: n - 1}
	if len(values) < 2 {
		m.StdErr, m.Spread = math.Inf(1), math.Inf(1)
		return m
	}
	var sum float64
	for _, v := range values {
		sum += (v - m.Value) * (v - m.Value)
	}
	m.Spread = math.Sqrt(sum / (n - 1))
	m.StdErr = m.Spread / math.Sqrt(n)
	return m
}

// ClusteredMean takes items of one cluster for related, such as questions
// about the same text, and clusters for independent (Miller 2024, section 2.2,
// with the correction G/(G-1) and G-1 degrees of freedom, for few clusters).
func ClusteredMean(values []float64, clusters []int) Mean {
	n := float64(len(values))
	m := Mean{N: len(values), Value: Average(values)}
	sums := make(map[int]float64)
	for i, v := range values {
		sums[clusters[i]] += v - m.Value
	}
	g := float64(len(sums))
	m.Clusters, m.df = len(sums), g-1
	if g < 2 {
		m.StdErr, m.Spread = math.Inf(1), math.Inf(1)
		return m
	}
	squares := make([]float64, 0, len(sums))
	for _, s := range sums {
		squares = append(squares, s*s)
	}
	m.StdErr = math.Sqrt(exactSum(squares)*g/(g-1)) / n
	m.Spread = m.StdErr * math.Sqrt(n)
	return m
}

// Interval leaves out alpha on each side.
func (m Mean) Interval(alpha float64) Interval {
	if math.IsInf(m.StdErr, 1) {
		return Interval{Lower: math.Inf(-1), Upper: math.Inf(1)}
	}
	reach := studentQuantile(alpha, m.df) * m.StdErr
	return Interval{Lower: m.Value - reach, Upper: m.Value + reach}
}

// Above is the p-value against the mean being at most limit.
func (m Mean) Above(limit float64) float64 {
	switch {
	case math.IsInf(m.StdErr, 1):
		return 1
	case m.StdErr == 0:
		return 1 - indicator(m.Value > limit)
	}
	return studentAbove((m.Value-limit)/m.StdErr, m.df)
}

// Below is the p-value against the mean being at least limit.
func (m Mean) Below(limit float64) float64 {
	m.Value = -m.Value
	return m.Above(-limit)
}
