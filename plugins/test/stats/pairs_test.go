package stats_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

// near compares with a published value to as many digits as were published.
func near(t *testing.T, what string, got, want, within float64) {
	t.Helper()
	if math.Abs(got-want) > within || math.IsNaN(got) {
		t.Errorf("%s is %.9g, want %.9g within %g", what, got, want, within)
	}
}

// airways is the example of Fagerland, Lydersen and Laake, "Recommended tests
// and confidence intervals for paired binomial proportions", Statistics in
// Medicine 33:2850 (2014): 21 children before and after a transplantation.
var airways = stats.Pairs{Both: 1, Gained: 1, Lost: 7, Neither: 12}

// The p-values are those of Fagerland, Lydersen and Laake, "The McNemar test
// for binary matched-pairs data", BMC Medical Research Methodology 13:91
// (2013), for the same children.
func TestMcNemarAsPublished(t *testing.T) {
	t.Parallel()
	m := airways.McNemar()
	near(t, "the exact p-value", m.TwoSided, 0.0703, 5e-5)
	near(t, "the mid-p value", m.MidP, 0.0391, 5e-5)
}

// TestMcNemarByCounting goes through all ways in which coins can fall.
func TestMcNemarByCounting(t *testing.T) {
	t.Parallel()
	for n := range 13 {
		for gained := range n + 1 {
			var worse, better, point float64
			for ways := range 1 << n {
				ones := 0
				for bit := range n {
					ones += ways >> bit & 1
				}
				each := 1 / float64(int(1)<<n)
				if ones <= gained {
					worse += each
				}
				if ones >= gained {
					better += each
				}
				if ones == gained {
					point += each
				}
			}
			got := stats.Pairs{Gained: gained, Lost: n - gained, Both: 3}.McNemar()
			at := fmt.Sprintf("%d of %d: ", gained, n)
			near(t, at+"worse", got.Worse, worse, 1e-12)
			near(t, at+"better", got.Better, better, 1e-12)
			near(t, at+"two-sided", got.TwoSided, min(1, 2*min(worse, better)), 1e-12)
			near(t, at+"mid-p", got.MidP, min(1, 2*min(worse, better)-point), 1e-12)
		}
	}
}

func TestScoreIntervalAsPublished(t *testing.T) {
	t.Parallel()
	// Fagerland et al. 2014, table of intervals: Tango's asymptotic score.
	got := airways.Interval(0.025)
	near(t, "the difference", airways.Difference(), -0.286, 5e-4)
	near(t, "the lower limit", got.Lower, -0.517, 5e-4)
	near(t, "the upper limit", got.Upper, -0.026, 5e-4)
}

// Tango's interval also has a form without iteration: its limits are roots of
// a polynomial of degree four (Yang, Sun, Hardin, Statistics in Medicine 32:1336,
// 2013). The coefficients are theirs, so no step is shared with the bisection.
func TestScoreIntervalIsARootOfTheQuartic(t *testing.T) {
	t.Parallel()
	const z = 1.959963984540054
	for _, p := range []stats.Pairs{airways, {Both: 43, Lost: 1}, {Both: 36, Gained: 12, Lost: 2}, {Both: 700, Gained: 31, Lost: 44, Neither: 225}, {Both: 5, Gained: 9}} {
		got := p.Interval(0.025)
		for _, d := range []float64{got.Lower, got.Upper} {
			near(t, fmt.Sprintf("the polynomial of %+v at %g", p, d), quartic(p, d, z), 0, 1e-8)
		}
		if got.Lower >= p.Difference() || got.Upper <= p.Difference() {
			t.Errorf("%+v does not contain the difference %g", got, p.Difference())
		}
	}
}

func quartic(p stats.Pairs, d, z float64) float64 {
	g, n, b, c := z*z, float64(p.N()), float64(p.Gained), float64(p.Lost)
	m0 := n * n * (n/g + 1) * (n/g + 1)
	m1 := -n * (b - c) * (n/g + 1) * (4*n/g + 1)
	m2 := 2*n*(b-c)*(b-c)*(3*n/g+2)/g - n*n*((b+c)/g+1)
	m3 := n*(b-c)*(2*(b+c)/g+1) - (b-c)*(b-c)*(b-c)*(4*n/g+1)/g
	m4 := (b - c) * (b - c) * ((b-c)*(b-c)/g - (b + c)) / g
	return d*d*d*d + (m1*d*d*d+m2*d*d+m3*d+m4)/m0
}
