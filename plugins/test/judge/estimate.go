package judge

import (
	"fmt"
	"math"

	"github.com/stagegate/stagegate/plugins/test/sample"
	"github.com/stagegate/stagegate/plugins/test/stats"
)

// fewest is the number of independent items below which nothing but Student's
// t is used, and a spread of zero proves nothing.
const fewest = 20

// test is what the data say about a difference that is signed so that more is
// better.
type test interface {
	Above(limit float64) float64
	Below(limit float64) float64
	Interval(alpha float64) stats.Interval
}

// estimate is a difference with what is known about it.
type estimate struct {
	test

	method          string
	value           float64
	stdErr          float64
	spread          float64 // of one item
	items, clusters int
	pairs           *stats.Pairs // of right-or-wrong items
	nothing         string       // why the data prove nothing at all; usually empty
}

// paired compares items that both models have answered. The groups number the
// clusters, or are nil. The sign is -1 where less is better.
func paired(candidate, baseline []float64, groups []int, sign float64) estimate {
	if groups == nil && binary(candidate) && binary(baseline) {
		return rightOrWrong(candidate, baseline, sign)
	}
	differences := make([]float64, len(candidate))
	same := true
	for i := range candidate {
		differences[i] = sign * (candidate[i] - baseline[i])
		same = same && differences[i] == differences[0]
	}
	units := len(differences)
	mean := stats.MeanOf(differences)
	e := estimate{method: "paired t"}
	if groups != nil {
		mean = stats.ClusteredMean(differences, groups)
		units, e.method = mean.Clusters, "paired t, clustered"
	}
	e.test, e.value, e.stdErr, e.spread, e.items, e.clusters = mean, mean.Value, mean.StdErr, mean.Spread, mean.N, mean.Clusters
	switch {
	case units < 2:
		e.nothing = "a single independent item proves nothing"
	case same && units < fewest:
		e.nothing = fmt.Sprintf("all differences are equal, which with fewer than %d independent items proves nothing", fewest)
	}
	if units >= fewest && units <= stats.MaxBootstrap && !same {
		e.test, e.method = cautious{stats.BootstrapOf(differences, groups), mean}, "paired bootstrap"
		if groups != nil {
			e.method = "paired bootstrap of clusters"
		}
	}
	return e
}

// cautious claims what both of two tests do. Student's t is too bold on one side
// of skewed differences, and the bootstrap where few items differ at all; hardly
// any data fool both.
type cautious [2]test

// Above is the greater of both p-values.
func (c cautious) Above(limit float64) float64 { return max(c[0].Above(limit), c[1].Above(limit)) }

// Below is the greater of both p-values.
func (c cautious) Below(limit float64) float64 { return max(c[0].Below(limit), c[1].Below(limit)) }

// Interval holds both intervals.
func (c cautious) Interval(alpha float64) stats.Interval {
	a, b := c[0].Interval(alpha), c[1].Interval(alpha)
	return stats.Interval{Lower: min(a.Lower, b.Lower), Upper: max(a.Upper, b.Upper)}
}

func rightOrWrong(candidate, baseline []float64, sign float64) estimate {
	var p stats.Pairs
	for i := range candidate {
		if sign > 0 {
			p.Add(candidate[i] == 1, baseline[i] == 1)
		} else {
			p.Add(candidate[i] == 0, baseline[i] == 0)
		}
	}
	spread := math.Sqrt(p.Variance())
	return estimate{
		test: p, method: "exact McNemar", value: p.Difference(), stdErr: spread / math.Sqrt(float64(p.N())), spread: spread, items: p.N(), pairs: &p,
	}
}

func binary(values []float64) bool { return sample.Series{Values: values}.Binary() }

// unpaired compares two numbers with standard errors of their own: all there is
// without items, and weak, since what both models find hard counts twice.
func unpaired(candidate, baseline, candidateErr, baselineErr float64, items int64, sign float64) estimate {
	m := normal{value: sign * (candidate - baseline), stdErr: math.Hypot(candidateErr, baselineErr)}
	e := estimate{
		test: m, method: "unpaired z, weak", value: m.value, stdErr: m.stdErr,
		spread: m.stdErr * math.Sqrt(float64(items)), items: int(items),
	}
	if m.stdErr == 0 {
		e.nothing = "both standard errors are zero, which proves nothing"
	}
	return e
}

// normal is a difference with a known standard error.
type normal struct{ value, stdErr float64 }

// Above is the p-value against the difference being at most limit.
func (n normal) Above(limit float64) float64 {
	return math.Erfc((n.value-limit)/n.stdErr/math.Sqrt2) / 2
}

// Below is the p-value against the difference being at least limit.
func (n normal) Below(limit float64) float64 { return 1 - n.Above(limit) }

// Interval leaves out alpha on each side.
func (n normal) Interval(alpha float64) stats.Interval {
	reach := math.Sqrt2 * math.Erfcinv(2*alpha) * n.stdErr
	return stats.Interval{Lower: n.value - reach, Upper: n.value + reach}
}
