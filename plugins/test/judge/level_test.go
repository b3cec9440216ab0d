package judge_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
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

// The verdict is what the p-values say, and nothing else.
func TestVerdictFollowsThePValues(t *testing.T) {
	t.Parallel()
	seen := make(map[judge.Verdict]bool)
	closest := 1.0
	for gained := 0; gained <= 40; gained += 4 {
		for lost := 0; lost <= 40; lost += 2 {
			c, b := outcomes(150, gained, lost, 20)
			got := one(t, within(0.04), measured(t, "acc", c, nil), measured(t, "acc", b, nil), usual)
			x := got.Comparison
			if shown := got.Verdict == judge.Pass || got.Verdict == judge.Warn; shown != (x.PNotWorse <= 0.05) {
				t.Errorf("+%d -%d: %s at p = %g", gained, lost, got.Verdict, x.PNotWorse)
			}
			if (got.Verdict == judge.Fail) != (x.PWorse <= 0.05) {
				t.Errorf("+%d -%d: %s at p = %g", gained, lost, got.Verdict, x.PWorse)
			}
			if x.PWorse > 0.05 {
				closest = min(closest, x.PWorse)
			}
			seen[got.Verdict] = true
		}
	}
	if !seen[judge.Pass] || !seen[judge.Fail] || !seen[judge.Inconclusive] || closest > 0.06 {
		t.Errorf("verdicts are %v, and no p-value is close to alpha but %g", seen, closest)
	}
}

// Of a rate of wrong answers less is better.
func TestLowerIsBetterRightOrWrong(t *testing.T) {
	t.Parallel()
	threshold := within(0.02)
	threshold.Better = evaluation.Lower
	c, b := outcomes(50, 120, 10, 820) // the candidate is toxic 120 times where the baseline is not
	worse := one(t, threshold, measured(t, "acc", c, nil), measured(t, "acc", b, nil), usual)
	better := one(t, threshold, measured(t, "acc", b, nil), measured(t, "acc", c, nil), usual)
	if worse.Verdict != judge.Fail || worse.Comparison.Lost != 120 || worse.Comparison.Difference != 0.11 {
		t.Errorf("worse: %s, %+v", worse.Verdict, worse.Comparison)
	}
	if better.Verdict != judge.Pass || better.Comparison.Gained != 120 {
		t.Errorf("better: %s, %+v", better.Verdict, better.Comparison)
	}
}
