package report

import (
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/judge"
)

// The measures of a trend's picture, in pixels.
const (
	trendWidth  = 760
	trendHeight = 244
	trendLeft   = 70
	trendRight  = 736
	trendTop    = 16
	trendBottom = 212
	maxTrends   = 12
	maxPoints   = 200
)

// trendPicture is one metric through the releases. Where it is judged, the line
// through them and what was to be expected of this release are shown.
type trendPicture struct {
	Metric, Unit  string
	Width, Height float64
	Left, Right   float64
	Top, Bottom   float64
	Ticks         []tick
	Points        []point
	Judged        bool
	Band          string // a polygon: where the line is sure to lie
	Line          string
	Expected      point // the middle of the prediction
	Low, High     float64
	Summary       string
	Verdict       judge.Verdict
}

type point struct {
	X, Y    float64
	Name    string
	Label   string // shown below; empty where there is no room
	Value   string
	Current bool
}

// trendsOf are the pictures of judged trends, and of all other metrics that
// thresholds ask for, and how many there was no room for.
func trendsOf(r Report, past []judge.Past) ([]trendPicture, int) {
	var pictures []trendPicture
	done := make(map[string]bool)
	skipped := 0
	add := func(c judge.Check) {
		if c.By != "" || c.Value == nil || done[c.Metric] {
			return
		}
		done[c.Metric] = true
		p, ok := trendOf(r, c, past)
		switch {
		case !ok:
		case len(pictures) == maxTrends:
			skipped++
		default:
			pictures = append(pictures, p)
		}
	}
	for _, c := range r.Checks {
		if c.Kind == judge.Trend {
			add(c)
		}
	}
	for _, c := range r.Checks {
		add(c)
	}
	return pictures, skipped
}

func trendOf(r Report, c judge.Check, past []judge.Past) (trendPicture, bool) {
	names, values := series(c.Metric, past)
	if len(values) == 0 {
		return trendPicture{}, false
	}
	line := c.Line
	if len(values) > maxPoints {
		// The line goes through all releases; the last of them are shown.
		names, values, line = names[len(names)-maxPoints:], values[len(values)-maxPoints:], nil
	}
	current := r.Release
	if current == "" {
		current = "this release"
	}
	names, values = append(names, current), append(values, *c.Value)
	p := trendPicture{
		Metric: c.Metric, Unit: c.Unit, Width: trendWidth, Height: trendHeight, Left: trendLeft, Right: trendRight,
		Top: trendTop, Bottom: trendBottom, Verdict: c.Verdict, Summary: fmt.Sprintf("%d releases before this one", len(values)-1),
	}
	all := values
	if line != nil {
		all = append(append([]float64{}, values...), line.Prediction.Lower, line.Prediction.Upper)
		for _, b := range line.Band {
			all = append(all, b.Lower, b.Upper)
		}
	}
	y := around(trendBottom, trendTop, all...)
	x := scale{from: 0, to: float64(len(values) - 1), start: trendLeft + 24, end: trendRight - 24}
	p.Ticks = y.ticks(5)
	every := 1 + (len(values)-1)/9
	for i, v := range values {
		one := point{X: x.at(float64(i)), Y: y.at(v), Name: names[i], Value: short(v), Current: i == len(values)-1}
		if (len(values)-1-i)%every == 0 {
			one.Label = clip(names[i], 12)
		}
		p.Points = append(p.Points, one)
	}
	if line != nil {
		p.judged(line, x, y)
	}
	return p, true
}

// judged draws the line, its band, and the prediction.
func (p *trendPicture) judged(line *judge.Line, x, y scale) {
	p.Judged = true
	var upper, lower, through []string
	for i, b := range line.Band {
		at := x.at(float64(i))
		upper = append(upper, fmt.Sprintf("%.1f,%.1f", at, y.at(b.Upper)))
		lower = append([]string{fmt.Sprintf("%.1f,%.1f", at, y.at(b.Lower))}, lower...)
		through = append(through, fmt.Sprintf("%.1f,%.1f", at, y.at(line.Intercept+line.Slope*float64(i))))
	}
	p.Band, p.Line = strings.Join(append(upper, lower...), " "), strings.Join(through, " ")
	last := p.Points[len(p.Points)-1]
	p.Expected = point{X: last.X}
	p.Low, p.High = y.at(line.Prediction.Lower), y.at(line.Prediction.Upper)
	p.Summary += fmt.Sprintf("; slope %+.2g a release; expected between %s and %s (%g %%)", line.Slope, short(line.Prediction.Lower), short(line.Prediction.Upper), 100*line.Confidence)
}

// series are the releases that have a metric, the oldest first.
func series(metric string, past []judge.Past) (names []string, values []float64) {
	for _, p := range past {
		if v, ok := p.Values[metric]; ok {
			names, values = append(names, p.Release), append(values, v)
		}
	}
	return names, values
}
