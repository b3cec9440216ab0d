package stats

import "slices"

// Holm adjusts the p-values of several hypotheses so that all of them may be
// read at one level: the probability of a single false rejection among them
// stays below it, however they depend on each other (Holm 1979). The order is
// that given.
func Holm(p []float64) []float64 {
	adjusted := make([]float64, len(p))
	running := 0.0
	for rank, i := range ascending(p) {
		running = max(running, min(1, float64(len(p)-rank)*p[i]))
		adjusted[i] = running
	}
	return adjusted
}

// ascending are the places of the values from the smallest, equal ones as they come.
func ascending(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case values[a] < values[b]:
			return -1
		case values[a] > values[b]:
			return 1
		}
		return 0
	})
	return order
}
