package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
)

// normalBelow is the probability that a standard normal variable is less than z.
func normalBelow(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// normalQuantile is the z below which a standard normal variable lies with
// probability p.
func normalQuantile(p float64) float64 { return -math.Sqrt2 * math.Erfcinv(2*p) }

// studentAbove is the probability that Student's t with df degrees of freedom
// is more than t.
func studentAbove(t, df float64) float64 {
	switch {
	case math.IsInf(t, 1):
		return 0
	case math.IsInf(t, -1):
		return 1
	}
	tail := mathext.RegIncBeta(df/2, 0.5, df/(df+t*t)) / 2
	if t < 0 {
		return 1 - tail
	}
	return tail
}

// studentQuantile is the t that Student's t exceeds with probability alpha, for
// alpha up to one half.
func studentQuantile(alpha, df float64) float64 {
	if alpha >= 0.5 {
		return 0
	}
	x := mathext.InvRegIncBeta(df/2, 0.5, 2*alpha)
	return math.Sqrt(df * (1 - x) / x)
}

// binomialAbove is the probability of at least k successes in n trials.
func binomialAbove(k, n int, p float64) float64 {
	switch {
	case k <= 0:
		return 1
	case k > n || p <= 0:
		return 0
	case p >= 1:
		return 1
	}
	return mathext.RegIncBeta(float64(k), float64(n-k+1), p)
}

// binomialPoint is the probability of exactly k successes in n trials.
func binomialPoint(k, n int, p float64) float64 {
	switch {
	case k < 0 || k > n:
		return 0
	case p <= 0:
		return indicator(k == 0)
	case p >= 1:
		return indicator(k == n)
	}
	all, _ := math.Lgamma(float64(n + 1))
	these, _ := math.Lgamma(float64(k + 1))
	others, _ := math.Lgamma(float64(n - k + 1))
	return math.Exp(all - these - others + float64(k)*math.Log(p) + float64(n-k)*math.Log1p(-p))
}

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
