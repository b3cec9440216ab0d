package stats_test

import (
	"math"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

// Without a disagreement among few pairs the exact p-value has a closed form:
// all n agree with probability (1-margin)^n at most, the "rule of three".
func TestExactWithoutDisagreement(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 30, 133, 148, 149} {
		got := stats.Pairs{Both: n}.Above(-0.02)
		near(t, "p", got, math.Pow(0.98, float64(n)), 1e-9)
	}
	if p := (stats.Pairs{Both: 148}).Above(-0.02); p <= 0.05 {
		t.Errorf("148 pairs suffice at p = %g", p)
	}
	if p := (stats.Pairs{Both: 149}).Above(-0.02); p >= 0.05 {
		t.Errorf("149 pairs do not suffice at p = %g", p)
	}
}

// TestExactByEnumeration adds up the multinomial probability of every outcome
// that is as extreme, for a fine grid of the share that is open, with a score
// whose likelihood is maximised by search instead of by formula.
func TestExactByEnumeration(t *testing.T) {
	t.Parallel()
	const n = 12
	for _, difference := range []float64{-0.2, -0.05, 0, 0.1} {
		scores := make(map[[2]int]float64)
		for gained := range n + 1 {
			for lost := range n - gained + 1 {
				scores[[2]int{gained, lost}] = scoreBySearch(gained, lost, n, difference)
			}
		}
		for _, seen := range [][2]int{{0, 0}, {1, 0}, {0, 1}, {3, 1}, {2, 5}, {6, 2}, {0, 4}, {12, 0}} {
			p := stats.Pairs{Gained: seen[0], Lost: seen[1], Neither: n - seen[0] - seen[1]}
			above, below := 0.0, 0.0
			low, high := max(0, -difference), (1-difference)/2
			for i := range 2001 {
				share := low + (high-low)*float64(i)/2000
				up, down := 0.0, 0.0
				for outcome, s := range scores {
					q := multinomial(outcome[0], outcome[1], n, share+difference, share)
					if s >= scores[seen]-1e-7 {
						up += q
					}
					if s <= scores[seen]+1e-7 {
						down += q
					}
				}
				above, below = max(above, up), max(below, down)
			}
			near(t, "above", p.Above(difference), above, 2e-5)
			near(t, "below", p.Below(difference), below, 2e-5)
		}
	}
}

// scoreBySearch finds the most likely share by golden section.
func scoreBySearch(gained, lost, n int, difference float64) float64 {
	low, high := max(0, -difference), (1-difference)/2
	likelihood := func(share float64) float64 {
		term := func(k int, p float64) float64 {
			if k == 0 {
				return 0
			}
			return float64(k) * math.Log(max(p, 1e-300))
		}
		return term(gained, share+difference) + term(lost, share) + term(n-gained-lost, 1-2*share-difference)
	}
	a, b := low, high
	for range 200 {
		c, d := b-(b-a)/math.Phi, a+(b-a)/math.Phi
		if likelihood(c) > likelihood(d) {
			b = d
		} else {
			a = c
		}
	}
	share := (a + b) / 2
	above := float64(gained-lost) - float64(n)*difference
	variance := float64(n) * (2*share + difference - difference*difference)
	if variance < 1e-9 {
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

func multinomial(gained, lost, n int, pGained, pLost float64) float64 {
	ways := 1.0
	for i := range gained {
		ways *= float64(n-i) / float64(i+1)
	}
	for i := range lost {
		ways *= float64(n-gained-i) / float64(i+1)
	}
	return ways * math.Pow(max(0, pGained), float64(gained)) * math.Pow(pLost, float64(lost)) *
		math.Pow(max(0, 1-pGained-pLost), float64(n-gained-lost))
}

// TestExactHoldsItsLevel is what "exact" promises: whatever the true shares
// are, a difference that is not there is claimed in at most alpha of all
// evaluations.
func TestExactHoldsItsLevel(t *testing.T) {
	t.Parallel()
	const n, margin, alpha = 60, 0.05, 0.05
	claims := make(map[[2]int]bool)
	for gained := range n + 1 {
		for lost := range n - gained + 1 {
			p := stats.Pairs{Gained: gained, Lost: lost, Both: n - gained - lost}
			claims[[2]int{gained, lost}] = p.Above(-margin) < alpha
		}
	}
	most := 0.0
	for _, share := range []float64{0.05, 0.052, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5} {
		level := 0.0
		for outcome, claimed := range claims {
			if claimed {
				level += multinomial(outcome[0], outcome[1], n, share-margin, share)
			}
		}
		if level > alpha {
			t.Errorf("at a share of %g the level is %g", share, level)
		}
		most = max(most, level)
	}
	if most < 0.03 {
		t.Errorf("the level is at most %g: so conservative that it decides nothing", most)
	}
}

// Beyond MaxExact the score is used: at the border both say the same.
func TestExactAndScoreMeet(t *testing.T) {
	t.Parallel()
	exact := stats.Pairs{Both: 1800, Gained: 95, Lost: 105}
	score := stats.Pairs{Both: 1801, Gained: 95, Lost: 105}
	near(t, "p", score.Above(-0.02), exact.Above(-0.02), 2e-3)
	near(t, "p", score.Below(0.01), exact.Below(0.01), 2e-3)
}

// The verdict of the exact test and the interval come from the same score.
func TestIntervalAgreesWithTheScore(t *testing.T) {
	t.Parallel()
	p := stats.Pairs{Both: 4000, Gained: 210, Lost: 250, Neither: 540}
	near(t, "p at the lower limit", p.Above(p.Interval(0.05).Lower), 0.05, 1e-6)
	near(t, "p at the upper limit", p.Below(p.Interval(0.05).Upper), 0.05, 1e-6)
}
