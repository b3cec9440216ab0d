package report

import (
	"fmt"
	"math"
	"strings"
)

// curvePicture is a time by the share of requests that took no longer. Shares
// stand by how many nines they have, so that the slowest are not a line at the
// edge.
type curvePicture struct {
	Metric, Unit  string
	Width, Height float64
	Left, Right   float64
	Top, Bottom   float64
	Line          string
	Rows, Columns []tick
	Bounds        []curveBound
}

type curveBound struct {
	X, Y   float64
	Text   string
	Missed bool
}

// mostNines bounds the picture at 99.9999 %.
const mostNines = 6

func curvesOf(r Report) []curvePicture {
	var found []curvePicture
	for _, c := range r.Curves {
		if len(c.Points) > 1 {
			found = append(found, curveOf(c))
		}
	}
	return found
}

func curveOf(c Curve) curvePicture {
	p := curvePicture{
		Metric: c.Metric, Unit: c.Unit, Width: trendWidth, Height: trendHeight, Left: trendLeft, Right: trendRight,
		Top: trendTop, Bottom: trendBottom,
	}
	far, high := 1.0, 0.0
	for _, one := range append(append([]Portion{}, c.Points...), c.Bounds...) {
		far, high = max(far, nines(one.Share)), max(high, one.Value)
	}
	x := scale{from: 0, to: far, start: trendLeft, end: trendRight - 24}
	y := scale{from: 0, to: max(high, 1e-9) * 1.1, start: trendBottom, end: trendTop}
	line := make([]string, len(c.Points))
	for i, one := range c.Points {
		line[i] = fmt.Sprintf("%.1f,%.1f", x.at(nines(one.Share)), y.at(one.Value))
	}
	p.Line, p.Rows = strings.Join(line, " "), y.ticks(5)
	for _, share := range []float64{0, 0.5, 0.9, 0.99, 0.999, 0.9999, 0.99999} {
		if nines(share) <= far {
			p.Columns = append(p.Columns, tick{At: x.at(nines(share)), Text: percent(share)})
		}
	}
	for _, one := range c.Bounds {
		p.Bounds = append(p.Bounds, curveBound{
			X: x.at(nines(one.Share)), Y: y.at(one.Value), Missed: valueAt(c.Points, one.Share) > one.Value,
			Text: fmt.Sprintf("%s ≤ %s %s", percent(one.Share), short(one.Value), c.Unit),
		})
	}
	return p
}

// nines is how many nines a share has: 1 for 0.9, 2 for 0.99.
func nines(share float64) float64 {
	return min(max(-math.Log10(max(1-share, 0)), 0), mostNines)
}

// valueAt is the value of the first point with at least that share.
func valueAt(points []Portion, share float64) float64 {
	for _, one := range points {
		if one.Share >= share-1e-12 {
			return one.Value
		}
	}
	return points[len(points)-1].Value
}

func percent(share float64) string { return fmt.Sprintf("%.10g %%", 100*share) }
