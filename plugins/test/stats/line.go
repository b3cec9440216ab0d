package stats

import (
	"errors"
	"math"
)

// Line is a straight line through points by least squares, with what the
// points leave open about it.
type Line struct {
	N                 int
	Slope, Intercept  float64
	SlopeErr          float64 // standard error of the slope
	Residual          float64 // standard deviation of the points about the line
	middle, squares   float64 // mean of x, and the sum of squares about it
	value             float64 // the line at the middle
	explained, yTotal float64
}

// ErrTooFewPoints says that no line has a band.
var ErrTooFewPoints = errors.New("a line with a band takes three points at least, not all at one x")

// Fit fits y against x.
func Fit(x, y []float64) (Line, error) {
	n := len(x)
	if n < 3 || n != len(y) {
		return Line{}, ErrTooFewPoints
	}
	l := Line{N: n, middle: Average(x), value: Average(y)}
	products := 0.0
	for i := range x {
		dx, dy := x[i]-l.middle, y[i]-l.value
		l.squares += dx * dx
		products += dx * dy
		l.yTotal += dy * dy
	}
	if l.squares == 0 {
		return Line{}, ErrTooFewPoints
	}
	l.Slope = products / l.squares
	l.Intercept = l.value - l.Slope*l.middle
	left := 0.0
	for i := range x {
		r := (y[i] - l.value) - l.Slope*(x[i]-l.middle)
		left += r * r
	}
	l.explained = l.yTotal - left
	l.Residual = math.Sqrt(left / float64(n-2))
	l.SlopeErr = l.Residual / math.Sqrt(l.squares)
	return l, nil
}

// At is the line at x.
func (l Line) At(x float64) float64 { return l.value + l.Slope*(x-l.middle) }

// RSquared is the share of the points' variance that the line explains.
func (l Line) RSquared() float64 {
	if l.yTotal == 0 {
		return 1
	}
	return l.explained / l.yTotal
}

// SlopeInterval leaves out alpha on each side.
func (l Line) SlopeInterval(alpha float64) Interval { return l.around(l.Slope, l.SlopeErr, alpha) }

// Confidence is where the line itself lies at x; alpha is left out on each side.
func (l Line) Confidence(x, alpha float64) Interval {
	return l.around(l.At(x), l.Residual*math.Sqrt(l.leverage(x)), alpha)
}

// Prediction is where one more point at x lies; alpha is left out on each side.
func (l Line) Prediction(x, alpha float64) Interval {
	return l.around(l.At(x), l.Residual*math.Sqrt(1+l.leverage(x)), alpha)
}

func (l Line) leverage(x float64) float64 {
	return 1/float64(l.N) + (x-l.middle)*(x-l.middle)/l.squares
}

func (l Line) around(center, stdErr, alpha float64) Interval {
	reach := studentQuantile(alpha, float64(l.N-2)) * stdErr
	return Interval{Lower: center - reach, Upper: center + reach}
}
