package stats_test

import "math/rand/v2"

// skewed draws from an exponential distribution with mean 1.
func skewed(n int, seed uint64) []float64 {
	random := rand.New(rand.NewPCG(seed, 1))
	values := make([]float64, n)
	for i := range values {
		values[i] = random.ExpFloat64()
	}
	return values
}
