package judge_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/judge"
)

// TestVerdictsHoldTheirLevel makes evaluations in which the candidate is worse
// by exactly the margin, where neither PASS nor FAIL is right, and counts how
// often one of them is given: in no more than alpha of all cases each. Passing a
// model that is too bad is the error that a gate is for.
func TestVerdictsHoldTheirLevel(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("judges some thousand evaluations")
	}
	const trials, margin = 250, 0.5
	kinds := map[string]func(r *rand.Rand) float64{
		"normal":      func(r *rand.Rand) float64 { return r.NormFloat64() },
		"skewed up":   func(r *rand.Rand) float64 { return r.ExpFloat64() - 1 },
		"skewed down": func(r *rand.Rand) float64 { return 1 - r.ExpFloat64() },
		"few differ": func(r *rand.Rand) float64 {
			noise := 0.01 * r.NormFloat64()
			switch u := r.Float64(); {
			case u < 0.1:
				return noise + 1
			case u > 0.9:
				return noise - 1
			}
			return noise
		},
	}
	for kind, draw := range kinds {
		for _, n := range []int{20, 60} {
			t.Run(fmt.Sprintf("%s, %d items", kind, n), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(uint64(n), uint64(len(kind))))
				passed, failed := 0, 0
				for range trials {
					candidate, baseline := make([]float64, n), make([]float64, n)
					for i := range candidate {
						baseline[i] = 5 * random.Float64() // how hard an item is cancels
						candidate[i] = baseline[i] + draw(random) - margin
					}
					switch one(t, within(margin), measured(t, "acc", candidate, nil), measured(t, "acc", baseline, nil), usual).Verdict {
					case judge.Pass, judge.Warn:
						passed++
					case judge.Fail:
						failed++
					}
				}
				// Three standard errors above 5 % are 9.1 %.
				for name, count := range map[string]int{"passed": passed, "failed": failed} {
					if share := float64(count) / trials; share > 0.092 {
						t.Errorf("%g of all evaluations are %s", share, name)
					}
				}
				if passed+failed == 0 {
					t.Error("nothing is ever decided")
				}
			})
		}
	}
}
