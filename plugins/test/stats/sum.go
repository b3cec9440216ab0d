package stats

import "slices"

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
