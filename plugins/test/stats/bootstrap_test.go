package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

// mice are survival times of treated mice: Efron and Tibshirani, An
// Introduction to the Bootstrap (1993), table 2.1.
var mice = []float64{94, 197, 16, 38, 99, 141, 23}

// Table 2.2 gives 23.36 as the standard error of the mean with infinitely many
// resamples. Read off a symmetric part of the distribution, the bootstrap's is
// the same.
func TestBootstrapStandardErrorAsPublished(t *testing.T) {
	t.Parallel()
	b := stats.BootstrapOf(mice, nil)
	near(t, "the mean", b.Value, 86.86, 5e-3)
	near(t, "the standard error by formula", b.StdErr, 25.24, 5e-3) // table 2.1
	// One sixth and five sixths of a normal distribution are 0.967 deviations off.
	i := b.Interval(1.0 / 6)
	near(t, "half the interval", (i.Upper-i.Lower)/2/0.9674, 23.36, 1)
}

// TestBootstrapByEnumeration goes through all 7^7 resamples, of which those
// drawn are a sample, and computes the limits as Efron and Tibshirani's
// equations 14.9 to 14.15 say.
func TestBootstrapByEnumeration(t *testing.T) {
	t.Parallel()
	var all []float64
	for ways := range 823_543 {
		sum := 0.0
		for range 7 {
			sum += mice[ways%7]
			ways /= 7
		}
		all = append(all, sum/7)
	}
	slices.Sort(all)
	mean := 608.0 / 7
	below := 0.0
	for _, m := range all {
		switch {
		case math.Abs(m-mean) < 1e-9:
			below += 0.5
		case m < mean:
			below++
		}
	}
	z0 := math.Sqrt2 * math.Erfinv(2*below/float64(len(all))-1)
	var squares, cubes float64
	for _, x := range mice { // for a mean, jackknife deviations are those of the data
		d := (x - mean) / 6
		squares += d * d
		cubes += d * d * d
	}
	a := cubes / (6 * math.Pow(squares, 1.5))
	got := stats.BootstrapOf(mice, nil)
	for alpha, limit := range map[float64]float64{0.05: got.Interval(0.05).Lower, 0.95: got.Interval(0.05).Upper, 0.025: got.Interval(0.025).Lower, 0.975: got.Interval(0.025).Upper} {
		z := math.Sqrt2 * math.Erfinv(2*alpha-1)
		level := 0.5 * math.Erfc(-(z0+(z0+z)/(1-a*(z0+z)))/math.Sqrt2)
		want := all[int(level*float64(len(all)))]
		near(t, "a limit", limit, want, 2.5) // 10,000 draws of a mean with deviation 23
	}
}

// The p-value is the level at which the interval begins at the limit.
func TestBootstrapPValueInvertsTheInterval(t *testing.T) {
	t.Parallel()
	values := skewed(80, 3)
	b := stats.BootstrapOf(values, nil)
	for _, alpha := range []float64{0.01, 0.025, 0.05, 0.2} {
		near(t, "p", b.Above(b.Interval(alpha).Lower), alpha, 1e-6)
		near(t, "p", b.Below(b.Interval(alpha).Upper), alpha, 1e-6)
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
	near(t, "p", stats.BootstrapOf(values, nil).Above(0), float64(extreme)/flips, 0.01)
}

// Few different values, and sums that differ by rounding, are no skewness: the
// distribution of the number of gained minus lost units is known exactly.
func TestBootstrapOfFewValues(t *testing.T) {
	t.Parallel()
	var values []float64
	for i := range 30 {
		values = append(values, []float64{0.1, 0, 0, 0, 0, -0.1, 0, 0, 0, 0}[i%10])
	}
	// A resample has each sign with probability one tenth: P(lost - gained >= 3).
	exact := 0.0
	for lost := range 31 {
		for gained := range 31 - lost {
			if lost-gained >= 3 {
				exact += multinomial(gained, lost, 30, 0.1, 0.1)
			}
		}
	}
	b := stats.BootstrapOf(values, nil)
	near(t, "above", b.Above(-0.01), exact, 0.02)
	near(t, "below", b.Below(0.01), exact, 0.02)
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

// TestBootstrapCovers counts how often a 90 % interval holds the true mean of
// a skewed distribution.
func TestBootstrapCovers(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("draws some millions of numbers")
	}
	const trials = 200
	covered := 0
	for seed := range trials {
		i := stats.BootstrapOf(skewed(60, uint64(seed)), nil).Interval(0.05)
		if i.Lower <= 1 && 1 <= i.Upper {
			covered++
		}
	}
	// Three standard errors below 0.9 are 0.836.
	if share := float64(covered) / trials; share < 0.836 || share > 0.96 {
		t.Errorf("a 90 %% interval covers in %g of all cases", share)
	}
}

// skewed draws from an exponential distribution with mean 1.
func skewed(n int, seed uint64) []float64 {
	random := rand.New(rand.NewPCG(seed, 1))
	values := make([]float64, n)
	for i := range values {
		values[i] = random.ExpFloat64()
	}
	return values
}
