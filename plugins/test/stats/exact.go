package stats

import "math"

// MaxExact is up to how many pairs a right-or-wrong comparison is exact. With
// more, the score test differs from it in no digit that is shown.
const MaxExact = 2_000

// Above is the p-value against the difference being at most that given: small
// when the candidate is surely better than that.
//
// Up to MaxExact pairs it is the exact unconditional one: the greatest
// probability, over all shares of disagreement there may be, of data whose
// score is at least that of the data seen (Hsueh, Liu, Chen 2001; Sidik 2003).
// The score alone is too bold where models hardly disagree: to it 133 pairs without
// a single disagreement show a margin of two points, and it takes 149.
func (p Pairs) Above(difference float64) float64 {
	if n := p.N(); n == 0 || difference <= -1 {
		return 1 - indicator(n > 0)
	}
	if p.N() > MaxExact {
		return normalBelow(-p.score(difference))
	}
	return p.greatest(difference)
}

// Below is the p-value against the difference being at least that given: small
// when the candidate is surely worse than that. It is Above with the models'
// names exchanged.
func (p Pairs) Below(difference float64) float64 {
	p.Gained, p.Lost = p.Lost, p.Gained
	return p.Above(-difference)
}

// greatest goes over the share of items that only the baseline gets right,
// which the difference leaves open: a grid, and then closer to its best point.
func (p Pairs) greatest(difference float64) float64 {
	if difference >= 1 {
		return 1
	}
	region := p.asExtreme(difference)
	low, high := max(0, -difference), (1-difference)/2
	const steps = 128
	best, at := 0.0, low
	probability := func(share float64) float64 {
		return region.probability(share, difference)
	}
	for i := range steps + 1 {
		// Small shares are where the probability bends most.
		u := float64(i) / steps
		share := low + (high-low)*u*u
		if q := probability(share); q > best {
			best, at = q, share
		}
	}
	reach := (high - low) * 2 / steps
	for range 12 {
		for _, share := range []float64{max(low, at-reach), min(high, at+reach)} {
			if q := probability(share); q > best {
				best, at = q, share
			}
		}
		reach /= 2
	}
	return min(1, best)
}

// region is the set of outcomes that speak at least as much for the candidate
// as the one seen: at least need[lost] gained items.
type region struct {
	n    int
	need []int
}

// asExtreme finds it by Barnard's convexity: with more gained the score rises,
// and with more lost no fewer must be gained.
func (p Pairs) asExtreme(difference float64) region {
	n := p.N()
	seen := p.score(difference)
	seen -= 1e-9 * (1 + math.Abs(seen)) // ties belong to it
	r := region{n: n, need: make([]int, n+1)}
	gained := 0
	for lost := range n + 1 {
		for gained <= n-lost && (Pairs{Neither: n - lost - gained, Gained: gained, Lost: lost}).score(difference) < seen {
			gained++
		}
		r.need[lost] = gained
	}
	return r
}

// probability is that of the region when lost has the share given and the
// difference is the true one.
func (r region) probability(share, difference float64) float64 {
	gained := share + difference
	given := 0.0 // of an item being gained when it is not lost
	if share < 1 {
		given = min(1, max(0, gained/(1-share)))
	}
	// What is more than twelve standard deviations off has no weight.
	mean := float64(r.n) * share
	reach := 12*math.Sqrt(mean*(1-share)) + 12
	sum := 0.0
	for lost := max(0, int(mean-reach)); lost <= min(r.n, int(mean+reach)); lost++ {
		if r.need[lost] > r.n-lost {
			continue
		}
		sum += binomialPoint(lost, r.n, share) * binomialAbove(r.need[lost], r.n-lost, given)
	}
	return sum
}
