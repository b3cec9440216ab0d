package stats_test

import (
	"math"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

func TestAverage(t *testing.T) {
	t.Parallel()
	right := make([]float64, 41)
	for i := range 36 {
		right[i] = 1
	}
	tenths := make([]float64, 10)
	for i := range tenths {
		tenths[i] = 0.1
	}
	for name, tt := range map[string]struct {
		values []float64
		want   float64
	}{
		"none":         {nil, 0},
		"36 of 41":     {right, 36.0 / 41},
		"tenths":       {tenths, 0.1},
		"great, small": {[]float64{1e100, 1, -1e100, 1}, 0.5}, // a plain sum gives 0.25
		"very great":   {[]float64{math.MaxFloat64, math.MaxFloat64}, math.MaxFloat64},
	} {
		if got := stats.Average(tt.values); got != tt.want {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
	}
}
