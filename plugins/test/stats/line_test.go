package stats_test

import (
	"errors"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/stats"
)

// TestLineCertified is the data set Norris of NIST's Statistical Reference
// Datasets, with the certified values.
func TestLineCertified(t *testing.T) {
	t.Parallel()
	y := []float64{
		0.1, 338.8, 118.1, 888.0, 9.2, 228.1, 668.5, 998.5, 449.1, 778.9, 559.2, 0.3, 0.1, 778.1, 668.8, 339.3, 448.9, 10.8,
		557.7, 228.3, 998.0, 888.8, 119.6, 0.3, 0.6, 557.6, 339.3, 888.0, 998.5, 778.9, 10.2, 117.6, 228.9, 668.4, 449.2, 0.2,
	}
	x := []float64{
		0.2, 337.4, 118.2, 884.6, 10.1, 226.5, 666.3, 996.3, 448.6, 777.0, 558.2, 0.4, 0.6, 775.5, 666.9, 338.0, 447.5, 11.6,
		556.0, 228.1, 995.8, 887.6, 120.2, 0.3, 0.3, 556.8, 339.1, 887.2, 999.0, 779.0, 11.1, 118.3, 229.2, 669.1, 448.9, 0.5,
	}
	l, err := stats.Fit(x, y)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the intercept", l.Intercept, -0.262323073774029, 1e-11)
	near(t, "the slope", l.Slope, 1.00211681802045, 1e-13)
	near(t, "the slope's error", l.SlopeErr, 0.429796848199937e-03, 1e-14)
	near(t, "the residual", l.Residual, 0.884796396144373, 1e-11)
	near(t, "R squared", l.RSquared(), 0.999993745883712, 1e-13)
}

// TestBandsAsPublished is lm(dist ~ speed, cars) and predict of R: stopping
// distances by speed (Ezekiel 1930).
func TestBandsAsPublished(t *testing.T) {
	t.Parallel()
	speed := []float64{
		4, 4, 7, 7, 8, 9, 10, 10, 10, 11, 11, 12, 12, 12, 12, 13, 13, 13, 13, 14, 14, 14, 14, 15, 15,
		15, 16, 16, 17, 17, 17, 18, 18, 18, 18, 19, 19, 19, 20, 20, 20, 20, 20, 22, 23, 24, 24, 24, 24, 25,
	}
	dist := []float64{
		2, 10, 4, 22, 16, 10, 18, 26, 34, 17, 28, 14, 20, 24, 28, 26, 34, 34, 46, 26, 36, 60, 80, 20, 26,
		54, 32, 40, 32, 40, 50, 42, 56, 76, 84, 36, 46, 68, 32, 48, 52, 56, 64, 66, 54, 70, 92, 93, 120, 85,
	}
	l, err := stats.Fit(speed, dist)
	if err != nil {
		t.Fatal(err)
	}
	near(t, "the slope", l.Slope, 3.9324, 5e-5)
	near(t, "the intercept", l.Intercept, -17.5791, 5e-5)
	near(t, "the slope's error", l.SlopeErr, 0.4155, 5e-5)
	for _, want := range []struct{ x, fit, confLow, confHigh, predLow, predHigh float64 }{
		{12, 29.60981, 24.39514, 34.82448, -1.749529, 60.96915},
		{19, 57.13667, 51.82913, 62.44421, 25.76176, 88.51159},
		{24, 76.79872, 68.38765, 85.20978, 2*76.79872 - 108.8449, 108.8449},
	} {
		near(t, "the line", l.At(want.x), want.fit, 5e-6)
		c, p := l.Confidence(want.x, 0.025), l.Prediction(want.x, 0.025)
		near(t, "confidence, lower", c.Lower, want.confLow, 5e-6)
		near(t, "confidence, upper", c.Upper, want.confHigh, 5e-6)
		near(t, "prediction, lower", p.Lower, want.predLow, 1e-4)
		near(t, "prediction, upper", p.Upper, want.predHigh, 1e-4)
	}
	slope := l.SlopeInterval(0.025) // confint(lm(dist ~ speed, cars))
	near(t, "the slope's lower limit", slope.Lower, 3.096964, 5e-7)
	near(t, "the slope's upper limit", slope.Upper, 4.767853, 5e-7)
}

func TestLineRefuses(t *testing.T) {
	t.Parallel()
	for name, x := range map[string][]float64{"two points": {1, 2}, "one x": {3, 3, 3, 3}, "none": nil} {
		if _, err := stats.Fit(x, make([]float64, len(x))); !errors.Is(err, stats.ErrTooFewPoints) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
