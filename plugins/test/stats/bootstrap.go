package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// Resamples is how many times a bootstrap draws.
const Resamples = 10_000

// MaxBootstrap is up to how many independent units a mean is bootstrapped.
// With more, the mean is as normal as the bootstrap could tell.
const MaxBootstrap = 10_000

// flattest keeps the correction from turning round where resamples are so skewed
// that it has no meaning.
const flattest = 0.1

// Bootstrap is the distribution that the mean of paired differences has when
// pairs, or whole clusters of them, are drawn anew. Intervals are bias-
// corrected and accelerated (Efron 1987), so that skewed differences, as those
// of latencies or ROUGE, do not need to be normal.
type Bootstrap struct {
	Mean
	means        []float64 // sorted
	bias         float64   // z0
	acceleration float64   // a
}

// unit is what is drawn as a whole.
type unit struct {
	sum  float64
	size int
}

// BootstrapOf draws pairs; with clusters it draws clusters. The seed is a part
// of the method and fixed: the same data give the same verdict anywhere.
func BootstrapOf(differences []float64, clusters []int) Bootstrap {
	b := Bootstrap{Mean: MeanOf(differences)}
	if clusters != nil {
		b.Mean = ClusteredMean(differences, clusters)
	}
	units := unitsOf(differences, clusters)
	b.means = draw(units)
	// Resamples that equal the mean lie half below it. With few different values
	// there are many of them, and they differ from it by rounding.
	less, atMost := b.counts(b.Value)
	below := min(max(float64(less+atMost)/2, 0.5), Resamples-0.5)
	b.bias = normalQuantile(below / Resamples)
	b.acceleration = acceleration(units, b.Value)
	return b
}

// unitsOf keeps the clusters in the order of their first item.
func unitsOf(values []float64, clusters []int) []unit {
	units := make([]unit, 0, len(values))
	at := make(map[int]int)
	for i, v := range values {
		if clusters != nil {
			if j, ok := at[clusters[i]]; ok {
				units[j].sum += v
				units[j].size++
				continue
			}
			at[clusters[i]] = len(units)
		}
		units = append(units, unit{sum: v, size: 1})
	}
	return units
}

func draw(units []unit) []float64 {
	means := make([]float64, Resamples)
	random := rand.New(rand.NewPCG(0x5747, uint64(len(units)))) //nolint:gosec // reproducible on purpose
	for i := range means {
		sum, size := 0.0, 0
		for range units {
			u := units[random.IntN(len(units))]
			sum += u.sum
			size += u.size
		}
		means[i] = sum / float64(size)
	}
	slices.Sort(means)
	return means
}

// acceleration is a sixth of the skewness of the jackknife values.
func acceleration(units []unit, mean float64) float64 {
	sum, size := 0.0, 0
	for _, u := range units {
		sum += u.sum
		size += u.size
	}
	left := make([]float64, 0, len(units))
	for _, u := range units {
		if size > u.size {
			left = append(left, (sum-u.sum)/float64(size-u.size))
		}
	}
	center := Average(left)
	var squares, cubes float64
	for _, l := range left {
		d := center - l
		squares += d * d
		cubes += d * d * d
	}
	// What differs by rounding alone has no skewness.
	if scale := math.Max(math.Abs(mean), 1e-300); squares <= 1e-24*scale*scale {
		return 0
	}
	return cubes / (6 * math.Pow(squares, 1.5))
}

// Interval leaves out alpha on each side.
func (b Bootstrap) Interval(alpha float64) Interval {
	if b.StdErr == 0 || math.IsInf(b.StdErr, 1) {
		return b.Mean.Interval(alpha)
	}
	return Interval{Lower: b.quantile(b.adjust(normalQuantile(alpha))), Upper: b.quantile(b.adjust(normalQuantile(1 - alpha)))}
}

// adjust turns a nominal level, as a normal quantile, into the one that is
// read off the resamples.
func (b Bootstrap) adjust(z float64) float64 {
	s := b.bias + z
	return normalBelow(b.bias + s/max(1-b.acceleration*s, flattest))
}

func (b Bootstrap) quantile(p float64) float64 {
	at := p*float64(len(b.means)+1) - 1
	low := min(max(int(math.Floor(at)), 0), len(b.means)-1)
	high := min(low+1, len(b.means)-1)
	return b.means[low] + min(max(at-float64(low), 0), 1)*(b.means[high]-b.means[low])
}

// Above is the p-value against the mean being at most limit: the alpha at
// which the interval begins there, and never less than the resamples can show.
func (b Bootstrap) Above(limit float64) float64 {
	if b.StdErr == 0 || math.IsInf(b.StdErr, 1) {
		return b.Mean.Above(limit)
	}
	_, atMost := b.counts(limit)
	return b.level(b.share(limit, atMost))
}

// Below is the p-value against the mean being at least limit.
func (b Bootstrap) Below(limit float64) float64 {
	if b.StdErr == 0 || math.IsInf(b.StdErr, 1) {
		return b.Mean.Below(limit)
	}
	less, _ := b.counts(limit)
	return 1 - b.level(b.share(limit, less))
}

// level turns a share of the resamples into the nominal level that it stands
// for: the inverse of adjust.
func (b Bootstrap) level(share float64) float64 {
	least := 1 / float64(len(b.means)+1)
	w := normalQuantile(min(max(share, least), 1-least)) - b.bias
	z := w/max(1+b.acceleration*w, flattest) - b.bias
	return min(max(normalBelow(z), least), 1-least)
}

// counts is how many resamples are less than limit, and how many at most that.
func (b Bootstrap) counts(limit float64) (less, atMost int) {
	rounding := 1e-9 * b.StdErr
	less, _ = slices.BinarySearch(b.means, limit-rounding)
	atMost, _ = slices.BinarySearch(b.means, limit+rounding)
	return less, atMost
}

// share is the inverse of quantile, at the resample before which limit lies.
func (b Bootstrap) share(limit float64, at int) float64 {
	n := float64(len(b.means) + 1)
	switch at {
	case 0:
		return 1 / n
	case len(b.means):
		return (n - 1) / n
	}
	part := (limit - b.means[at-1]) / (b.means[at] - b.means[at-1])
	return (float64(at) + min(max(part, 0), 1)) / n
}
