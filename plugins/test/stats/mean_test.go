package stats_test

import (
	"math"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

// TestPairedTAsPublished is example(t.test) of R on its data set sleep: hours
// of additional sleep of ten patients with two drugs (Student 1908).
func TestPairedTAsPublished(t *testing.T) {
	t.Parallel()
	first := []float64{0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0}
	second := []float64{1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4}
	differences := make([]float64, len(first))
	for i := range first {
		differences[i] = first[i] - second[i]
	}
	m := stats.MeanOf(differences)
	near(t, "the mean", m.Value, -1.58, 1e-12)
	near(t, "t", m.Value/m.StdErr, -4.0621, 5e-5)
	near(t, "the two-sided p-value", 2*m.Below(0), 0.002833, 5e-7)
	interval := m.Interval(0.025)
	near(t, "the lower limit", interval.Lower, -2.4598858, 5e-8)
	near(t, "the upper limit", interval.Upper, -0.7001142, 5e-8)
}

// TestStudentQuantilesAsPublished reads t off intervals: the table of critical
// values in the NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2.
func TestStudentQuantilesAsPublished(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n           int
		alpha, want float64
	}{{2, 0.05, 6.314}, {2, 0.001, 318.309}, {3, 0.025, 4.303}, {6, 0.01, 3.365}, {11, 0.05, 1.812}, {31, 0.025, 2.042}, {101, 0.005, 2.626}, {100_001, 0.025, 1.960}} {
		values := make([]float64, tt.n)
		for i := range values {
			values[i] = float64(i % 2)
		}
		m := stats.MeanOf(values)
		near(t, "t", (m.Interval(tt.alpha).Upper-m.Value)/m.StdErr, tt.want, 6e-4)
	}
}

// TestClusteredAgainstTheDoubleSum computes Miller's equation 4 (arXiv
// 2411.00640) as it is printed, by all pairs of items within a cluster.
func TestClusteredAgainstTheDoubleSum(t *testing.T) {
	t.Parallel()
	values := []float64{1, 0, 1, 1, 0, 0, 0.5, 1, 0, 0.25, 1, 1}
	clusters := []int{1, 1, 1, 2, 2, 3, 4, 4, 4, 4, 5, 6}
	n := float64(len(values))
	mean := 0.0
	for _, v := range values {
		mean += v / n
	}
	sum := 0.0
	for i := range values {
		for j := range values {
			if clusters[i] == clusters[j] {
				sum += (values[i] - mean) * (values[j] - mean)
			}
		}
	}
	const g = 6.0
	m := stats.ClusteredMean(values, clusters)
	near(t, "the standard error", m.StdErr, math.Sqrt(sum*g/(g-1))/n, 1e-14)
	if m.Clusters != 6 || m.N != 12 {
		t.Errorf("counted %d items in %d clusters", m.N, m.Clusters)
	}
}

// With clusters of one size, the mean is that of the clusters' means, and with
// clusters of one item there are no clusters.
func TestClusteredOfEqualSize(t *testing.T) {
	t.Parallel()
	values := []float64{1, 2, 4, 8, 3, 3, 9, 1}
	m := stats.ClusteredMean(values, []int{0, 0, 1, 1, 2, 2, 3, 3})
	of := stats.MeanOf([]float64{1.5, 6, 3, 5})
	near(t, "the standard error", m.StdErr, of.StdErr, 1e-14)
	near(t, "p", m.Above(1), of.Above(1), 1e-12)
	single := stats.ClusteredMean(values, []int{0, 1, 2, 3, 4, 5, 6, 7})
	near(t, "the standard error", single.StdErr, stats.MeanOf(values).StdErr, 1e-14)
}

// Data that cannot show anything claim nothing.
func TestTooFewItems(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]stats.Mean{
		"one item":    stats.MeanOf([]float64{1}),
		"one cluster": stats.ClusteredMean([]float64{1, 0, 1}, []int{4, 4, 4}),
	} {
		if m.Above(-0.5) != 1 || m.Below(5) != 1 || !math.IsInf(m.Interval(0.05).Lower, -1) {
			t.Errorf("%s claims something: %+v", name, m)
		}
	}
}
