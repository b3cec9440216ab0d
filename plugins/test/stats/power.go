package stats

import "math"

// SampleSize is how many items decide at alpha with the power given whether a
// mean lies beyond a limit that is distance away, when one item has the
// standard deviation spread: ((z_alpha + z_power) spread / distance)². It is
// infinite at the limit itself, where no number decides.
func SampleSize(spread, distance, alpha, power float64) float64 {
	if distance == 0 {
		return math.Inf(1)
	}
	root := (normalQuantile(1-alpha) + normalQuantile(power)) * spread / distance
	return math.Ceil(root * root)
}

// Power is the probability of showing at alpha that a mean lies beyond a limit
// that is distance away, when its standard error is stdErr.
func Power(stdErr, distance, alpha float64) float64 {
	if stdErr == 0 {
		return indicator(distance > 0)
	}
	return normalBelow(distance/stdErr - normalQuantile(1-alpha))
}
