package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

// mice are survival times of untreated mice: Efron and Tibshirani, An
// Introduction to the Bootstrap (1993), table 2.1.
var mice = []float64{52, 104, 146, 10, 50, 31, 40, 27, 46}

// Section 12.5 of the book gives (35.82, 116.74) as the 90 % bootstrap-t
// interval of their mean, by 1,000 resamples. The long side hangs on the
// rarest of them, so that another 1,000 may give ten more or less.
func TestBootstrapAsPublished(t *testing.T) {
	t.Parallel()
	b := stats.BootstrapOf(mice, nil)
	near(t, "the mean", b.Value, 56.22, 5e-3)
	near(t, "the standard error", b.StdErr, 14.14, 5e-3) // table 2.1
	got := b.Interval(0.05)
	near(t, "the lower limit", got.Lower, 35.82, 1)
	near(t, "the upper limit", got.Upper, 116.74, 10)
}

// weighted is a resample with its probability.
type weighted struct{ ratio, probability float64 }

// everyResample goes through all 9^9 resamples: 24,310 that differ, each with
// its multinomial probability.
func everyResample(values []float64) []weighted {
	n := len(values)
	all := make([]weighted, 0, 24_310)
	center := stats.Average(values)
	counts := make([]int, n)
	var visit func(at, left int, probability float64)
	visit = func(at, left int, probability float64) {
		if at == n-1 {
			counts[at] = left
			for i := range left {
				probability *= 1 / float64(i+1) / float64(n)
			}
			mean, squares := 0.0, 0.0
			for i, k := range counts {
				mean += float64(k) * values[i] / float64(n)
			}
			for i, k := range counts {
				squares += float64(k) * (values[i] - mean) * (values[i] - mean)
			}
			ratio := (mean - center) / math.Sqrt(squares/float64(n-1)/float64(n))
			if squares < 1e-9 {
				ratio = math.Copysign(math.Inf(1), mean-center)
			}
			all = append(all, weighted{ratio, probability})
			return
		}
		for k := range left + 1 {
			counts[at] = k
			visit(at+1, left-k, probability)
			probability *= 1 / float64(k+1) / float64(n)
		}
	}
	orders := 1.0
	for i := range n {
		orders *= float64(i + 1)
	}
	visit(0, n, orders)
	slices.SortFunc(all, func(a, b weighted) int {
		if a.ratio < b.ratio {
			return -1
		}
		return 1
	})
	return all
}

// The resamples that are drawn are a sample of all there are.
func TestBootstrapByEnumeration(t *testing.T) {
	t.Parallel()
	all := everyResample(mice)
	b := stats.BootstrapOf(mice, nil)
	total := 0.0
	for _, w := range all {
		total += w.probability
	}
	near(t, "the sum of all probabilities", total, 1, 1e-9)
	for _, limit := range []float64{20, 35, 45, 56, 70, 90, 110} {
		above, below := 0.0, 0.0
		for _, w := range all {
			if seen := (b.Value - limit) / b.StdErr; w.ratio >= seen {
				above += w.probability
			} else {
				below += w.probability
			}
		}
		near(t, "above", b.Above(limit), above, 4*math.Sqrt(above*(1-above)/stats.Resamples)+2e-4)
		near(t, "below", b.Below(limit), below, 4*math.Sqrt(below*(1-below)/stats.Resamples)+2e-4)
	}
}

// An interval ends where the p-value reaches alpha.
func TestBootstrapPValueInvertsTheInterval(t *testing.T) {
	t.Parallel()
	b := stats.BootstrapOf(skewed(80, 3), nil)
	for _, alpha := range []float64{0.01, 0.025, 0.05, 0.2} {
		i := b.Interval(alpha)
		for _, step := range []float64{-1e-6, 1e-6} {
			if got := b.Above(i.Lower+step) <= alpha; got != (step < 0) {
				t.Errorf("at alpha %g the lower limit %+g has p %g", alpha, step, b.Above(i.Lower+step))
			}
			if got := b.Below(i.Upper+step) <= alpha; got != (step > 0) {
				t.Errorf("at alpha %g the upper limit %+g has p %g", alpha, step, b.Below(i.Upper+step))
			}
		}
	}
}

// A sign-flip permutation test of symmetric differences is exact, and shares
// nothing with the bootstrap.
func TestBootstrapAgainstPermutation(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(7, 7))
	values := make([]float64, 60)
	for i := range values {
		values[i] = random.NormFloat64() + 0.2
	}
	observed := 0.0
	for _, v := range values {
		observed += v
	}
	const flips = 200_000
	extreme := 0
	for range flips {
		sum := 0.0
		for _, v := range values {
			if random.IntN(2) == 0 {
				v = -v
			}
			sum += v
		}
		if sum >= observed {
			extreme++
		}
	}
	near(t, "p", stats.BootstrapOf(values, nil).Above(0), float64(extreme)/flips, 0.015)
}

// Whole clusters are drawn: where all items of a cluster are equal, the items
// of a cluster say no more than one.
func TestBootstrapDrawsClusters(t *testing.T) {
	t.Parallel()
	few := skewed(40, 5)
	var many []float64
	var clusters []int
	for i, v := range few {
		for range 25 {
			many = append(many, v)
			clusters = append(clusters, i)
		}
	}
	want, got := stats.BootstrapOf(few, nil).Interval(0.05), stats.BootstrapOf(many, clusters).Interval(0.05)
	near(t, "the lower limit", got.Lower, want.Lower, 1e-9)
	near(t, "the upper limit", got.Upper, want.Upper, 1e-9)
	if ignored := stats.BootstrapOf(many, nil).Interval(0.05); ignored.Upper-ignored.Lower > (got.Upper-got.Lower)/2 {
		t.Errorf("clusters make no difference: %+v and %+v", ignored, got)
	}
}

func TestBootstrapIsReproducible(t *testing.T) {
	t.Parallel()
	values := skewed(50, 9)
	if a, b := stats.BootstrapOf(values, nil).Interval(0.05), stats.BootstrapOf(values, nil).Interval(0.05); a != b {
		t.Errorf("the same data give %+v and %+v", a, b)
	}
}

// The side of a skewed distribution on which Student's t is wrong twice as
// often as it says is the one that the bootstrap is for.
func TestBootstrapOfSkewedDifferences(t *testing.T) {
	t.Parallel()
	const trials, alpha = 1_000, 0.05
	student, bootstrap := 0, 0
	for seed := range trials {
		b := stats.BootstrapOf(skewed(30, uint64(seed)), nil)
		if b.Mean.Below(1) <= alpha {
			student++
		}
		if b.Below(1) <= alpha {
			bootstrap++
		}
	}
	// Three standard errors above 5 % are 7.1 %.
	if share := float64(bootstrap) / trials; share > 0.08 || share < 0.03 {
		t.Errorf("the bootstrap is wrong in %g of all cases", share)
	}
	if share := float64(student) / trials; share < 0.085 {
		t.Errorf("Student's t is wrong in %g of all cases: then it would do", share)
	}
}
