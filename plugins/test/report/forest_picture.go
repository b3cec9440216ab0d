package report

import (
	"math"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
)

// forestPicture shows differences with their intervals, all measured in
// margins, so that metrics with other units stand under each other: right is
// better, and what reaches left of -1 may be worse than is accepted.
type forestPicture struct {
	Width, Height, Bottom float64
	Zero, Margin          float64
	Start, End            float64
	Rows                  []forestRow
	More                  int
}

type forestRow struct {
	Label, Full, Text string
	Y, Low, At, High  float64
	CutLow, CutHigh   bool // the interval goes on beyond the picture
	Result            string
	Verdict           judge.Verdict
}

// farthest is how many margins from zero the picture reaches.
const farthest = 4

func forestOf(checks []judge.Check) *forestPicture {
	low, high := -1.5, 1.0
	var shown []judge.Check
	more := 0
	for _, c := range checks {
		x := c.Comparison
		if x == nil || x.Margin <= 0 || x.Method == "none" {
			continue
		}
		if len(shown) == maxRows {
			more++
			continue
		}
		shown = append(shown, c)
		from, _, to := inMargins(c)
		low, high = min(low, from), max(high, to)
	}
	if len(shown) == 0 {
		return nil
	}
	s := scale{from: max(low, -farthest) - 0.2, to: min(high, farthest) + 0.2, start: labelWidth, end: plotEnd}
	p := &forestPicture{
		Width: rowsWidth, Bottom: float64(len(shown))*rowHeight + 4, Start: s.start, End: s.end,
		Zero: s.at(0), Margin: s.at(-1), More: more,
	}
	p.Height = p.Bottom + 22
	for i, c := range shown {
		from, at, to := inMargins(c)
		p.Rows = append(p.Rows, forestRow{
			Label: clip(NameOf(c), 34), Full: NameOf(c), Text: difference(c), Y: float64(i) * rowHeight,
			Low: s.at(from), At: s.at(at), High: s.at(to), CutLow: from < s.from, CutHigh: to > s.to,
			Result: word(c.Verdict), Verdict: c.Verdict,
		})
	}
	return p
}

// inMargins is a difference with its interval in units of the margin, signed so
// that more is better.
func inMargins(c judge.Check) (low, at, high float64) {
	x := c.Comparison
	low, at, high = x.Interval.Lower/x.Margin, x.Difference/x.Margin, x.Interval.Upper/x.Margin
	if c.Better == evaluation.Lower {
		low, at, high = -high, -at, -low
	}
	return max(low, -math.MaxFloat64), at, min(high, math.MaxFloat64)
}
