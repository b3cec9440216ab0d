package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Resamples is how many times a bootstrap draws.
const Resamples = 9_999

// MaxBootstrap is up to how many independent units a mean is bootstrapped.
// With more, the mean is as normal as the bootstrap could tell.
const MaxBootstrap = 10_000

// Bootstrap is what the mean of paired differences may be when pairs, or whole
// clusters of them, are drawn anew. It is the studentized one, "bootstrap-t"
// (Efron 1979; Hall 1988): what is drawn is by how many of its own standard
// errors a mean misses the one that it was drawn about. So few and skewed
// differences, as those of latencies or ROUGE, need not be normal, and errors
// stay close to alpha on either side, which for percentiles of the mean itself,
// corrected or not, they do not.
type Bootstrap struct {
	Mean
	ratios []float64 // sorted: how many standard errors each resample is off
}

// unit is what is drawn as a whole.
type unit struct {
	off  float64 // sum of the differences from the mean of all
	size float64
}

// BootstrapOf draws pairs; with clusters it draws clusters. The seed is a part
// of the method and fixed: the same data give the same verdict anywhere.
func BootstrapOf(differences []float64, clusters []int) Bootstrap {
	b := Bootstrap{Mean: MeanOf(differences)}
	if clusters != nil {
		b.Mean = ClusteredMean(differences, clusters)
	}
	units := unitsOf(differences, clusters, b.Value)
	b.ratios = make([]float64, Resamples)
	random := rand.New(rand.NewPCG(0x5747, uint64(len(units)))) //nolint:gosec // reproducible on purpose
	for i := range b.ratios {
		b.ratios[i] = draw(units, random)
	}
	slices.Sort(b.ratios)
	return b
}

// unitsOf keeps the clusters in the order of their first item.
func unitsOf(values []float64, clusters []int, mean float64) []unit {
	units := make([]unit, 0, len(values))
	at := make(map[int]int)
	for i, v := range values {
		if clusters != nil {
			if j, ok := at[clusters[i]]; ok {
				units[j].off += v - mean
				units[j].size++
				continue
			}
			at[clusters[i]] = len(units)
		}
		units = append(units, unit{off: v - mean, size: 1})
	}
	return units
}

// draw is one resample. Its standard error is that of ClusteredMean, by sums.
// Where all that was drawn is equal there is none, and the resample is
// infinitely far off: that speaks for no side.
func draw(units []unit, random *rand.Rand) float64 {
	var off, size, offs, both, sizes float64
	for range units {
		u := units[random.IntN(len(units))]
		off += u.off
		size += u.size
		offs += u.off * u.off
		both += u.off * u.size
		sizes += u.size * u.size
	}
	g := float64(len(units))
	mean := off / size
	squares := offs - 2*mean*both + mean*mean*sizes
	switch {
	case squares > 1e-12*offs:
		return off / math.Sqrt(squares*g/(g-1))
	case math.Abs(off) <= 1e-9*math.Sqrt(offs):
		return 0
	}
	return math.Copysign(math.Inf(1), off)
}

// Interval leaves out alpha on each side.
func (b Bootstrap) Interval(alpha float64) Interval {
	if b.StdErr == 0 || math.IsInf(b.StdErr, 1) {
		return b.Mean.Interval(alpha)
	}
	n := len(b.ratios)
	rank := min(int(math.Ceil(float64(n+1)*(1-alpha)-1e-9)), n)
	return Interval{Lower: b.Value - b.ratios[rank-1]*b.StdErr, Upper: b.Value - b.ratios[n-rank]*b.StdErr}
}

// Above is the p-value against the mean being at most limit: the share of
// resamples that are as far off, counting the data themselves as one.
func (b Bootstrap) Above(limit float64) float64 {
	if b.StdErr == 0 || math.IsInf(b.StdErr, 1) {
		return b.Mean.Above(limit)
	}
	less, _ := slices.BinarySearch(b.ratios, (b.Value-limit)/b.StdErr-rounding)
	return float64(1+len(b.ratios)-less) / float64(1+len(b.ratios))
}

// Below is the p-value against the mean being at least limit.
func (b Bootstrap) Below(limit float64) float64 {
	if b.StdErr == 0 || math.IsInf(b.StdErr, 1) {
		return b.Mean.Below(limit)
	}
	atMost, _ := slices.BinarySearch(b.ratios, (b.Value-limit)/b.StdErr+rounding)
	return float64(1+atMost) / float64(1+len(b.ratios))
}

// rounding is by how much resamples that are equally far off may differ. With
// few different values there are many of them.
const rounding = 1e-9
