package stats

import (
	"math"
	"slices"
)

// Average is the mean of values; 0 for none. What is lost by rounding is added
// again (Neumaier 1974), so that 36 right answers of 41 are 36/41.
func Average(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sum, lost := 0.0, 0.0
	for _, v := range values {
		next := sum + v
		if math.Abs(sum) >= math.Abs(v) {
			lost += (sum - next) + v
		} else {
			lost += (v - next) + sum
		}
		sum = next
	}
	if total := sum + lost; !math.IsInf(total, 0) && !math.IsNaN(total) {
		return total / float64(len(values))
	}
	// The sum is too great for a number, and the mean is not.
	mean := 0.0
	for i, v := range values {
		mean += v/float64(i+1) - mean/float64(i+1)
	}
	return mean
}

// exactSum adds in the order of size, so that the order in which a map was
// walked shows in no digit.
func exactSum(values []float64) float64 {
	slices.Sort(values)
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum
}
