package stats

import "math"

// Interval is what the data leave possible.
type Interval struct{ Lower, Upper float64 }

// Interval is Tango's score interval for the difference (Statistics in
// Medicine 17:891, 1998): all differences that the score test does not reject
// at alpha on either side. Unlike the one by Wald it holds its level for the
// small shares of disagreement that two releases of a model have.
func (p Pairs) Interval(alpha float64) Interval {
	z := normalQuantile(1 - alpha)
	return Interval{Lower: p.crossing(z), Upper: p.crossing(-z)}
}

// crossing is the difference at which the score falls through level. The
// score falls as the difference that is tested rises.
func (p Pairs) crossing(level float64) float64 {
	low, high := -1.0, 1.0
	for high-low > 1e-12 {
		middle := (low + high) / 2
		if p.score(middle) > level {
			low = middle
		} else {
			high = middle
		}
	}
	return (low + high) / 2
}

// score is Tango's statistic against a difference: about standard normal when
// that is the true one.
func (p Pairs) score(difference float64) float64 {
	n := float64(p.N())
	above := float64(p.Gained-p.Lost) - n*difference
	variance := n * (2*p.lostGiven(difference) + difference*(1-difference))
	if variance <= 1e-15*n {
		// There is no variance only where no pair may differ, or all must.
		switch {
		case above > 1e-9:
			return math.Inf(1)
		case above < -1e-9:
			return math.Inf(-1)
		}
		return 0
	}
	return above / math.Sqrt(variance)
}

// lostGiven is the most likely share of items that only the baseline gets
// right, were difference the true one.
func (p Pairs) lostGiven(difference float64) float64 {
	n, gained, lost := float64(p.N()), float64(p.Gained), float64(p.Lost)
	b := (2*n-gained+lost)*difference - gained - lost
	c := -lost * difference * (1 - difference)
	share := (math.Sqrt(max(0, b*b-8*n*c)) - b) / (4 * n)
	return min(max(share, 0, -difference), (1-difference)/2)
}
