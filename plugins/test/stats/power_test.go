package stats_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

// TestHolmAsPublished is Holm's own example (Scandinavian Journal of Statistics
// 6:65, 1979) as it is usually told, and p.adjust of R.
func TestHolmAsPublished(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ p, want []float64 }{
		{[]float64{0.01, 0.04, 0.03, 0.005}, []float64{0.03, 0.06, 0.06, 0.02}},
		// p.adjust(c(0.01, 0.02, 0.03, 0.04, 0.05), "holm")
		{[]float64{0.01, 0.02, 0.03, 0.04, 0.05}, []float64{0.05, 0.08, 0.09, 0.09, 0.09}},
		{[]float64{0.9, 0.8}, []float64{1, 1}},
		{nil, nil},
	} {
		got := stats.Holm(tt.p)
		for i := range tt.want {
			near(t, "the adjusted p-value", got[i], tt.want[i], 1e-12)
		}
	}
}

// TestSampleSizeAsPublished is the worked example of Miller 2024 (arXiv
// 2411.00640, section 5): to detect 3 points with power 80 % at 5 % two-sided,
// where the score's difference has variance 1/9, takes 969 questions.
func TestSampleSizeAsPublished(t *testing.T) {
	t.Parallel()
	near(t, "n", stats.SampleSize(1.0/3, 0.03, 0.025, 0.8), 969, 1)
	// By the table of the normal distribution: (1.645 + 0.842)² is 6.18, times 4.
	near(t, "n", stats.SampleSize(1, 0.5, 0.05, 0.8), 25, 0)
	if n := stats.SampleSize(1, 0, 0.05, 0.8); !math.IsInf(n, 1) {
		t.Errorf("at the limit itself %g items decide", n)
	}
}

// The published number of items reaches the published power.
func TestPowerInvertsSampleSize(t *testing.T) {
	t.Parallel()
	n := stats.SampleSize(1.0/3, 0.03, 0.025, 0.8)
	near(t, "the power", stats.Power(1/(3*math.Sqrt(n)), 0.03, 0.025), 0.8, 1e-3)
}

// TestPowerBySimulation draws evaluations of equal models that disagree about
// one item in ten, and counts how often the margin is shown.
func TestPowerBySimulation(t *testing.T) {
	t.Parallel()
	const n, margin, alpha, trials = 1_000, 0.03, 0.05, 400
	random := rand.New(rand.NewPCG(3, 5))
	shown := 0
	for range trials {
		p := stats.Pairs{}
		for range n {
			u := random.Float64()
			p.Add(u < 0.85, u < 0.8 || u >= 0.95) // 5 % each way
		}
		if p.Above(-margin) < alpha {
			shown++
		}
	}
	want := stats.Power(math.Sqrt(0.1/n), margin, alpha)
	near(t, "the power", float64(shown)/trials, want, 4*math.Sqrt(want*(1-want)/trials))
}
