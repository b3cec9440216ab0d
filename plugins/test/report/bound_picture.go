package report

import "github.com/stagegate/stagegate/plugins/test/judge"

// The measures of pictures of rows, in pixels.
const (
	rowHeight  = 30
	labelWidth = 250
	plotEnd    = 600
	rowsWidth  = 760
	maxRows    = 60
)

// boundPicture shows each metric on a scale of its own: what is accepted is a
// bar, what was measured a point.
type boundPicture struct {
	Width, Height float64
	Rows          []boundRow
	More          int
}

type boundRow struct {
	Label, Full, Value       string
	Y, From, To, At          float64
	MinAt, MaxAt             float64
	HasMin, HasMax           bool
	MinText, MaxText, Result string
	Verdict                  judge.Verdict
}

func boundsOf(checks []judge.Check) *boundPicture {
	p := &boundPicture{Width: rowsWidth}
	for _, c := range checks {
		if c.Kind != judge.Bound || c.Value == nil {
			continue
		}
		if len(p.Rows) == maxRows {
			p.More++
			continue
		}
		p.Rows = append(p.Rows, boundRowOf(c, float64(len(p.Rows))*rowHeight))
	}
	if len(p.Rows) == 0 {
		return nil
	}
	p.Height = float64(len(p.Rows))*rowHeight + 4
	return p
}

func boundRowOf(c judge.Check, y float64) boundRow {
	values := []float64{*c.Value}
	for _, bound := range []*float64{c.Min, c.Max} {
		if bound != nil {
			values = append(values, *bound)
		}
	}
	s := around(labelWidth, plotEnd, values...)
	r := boundRow{
		Label: clip(NameOf(c), 34), Full: NameOf(c), Value: valueOf(c), Y: y, From: s.start, To: s.end, At: s.at(*c.Value),
		Result: word(c.Verdict), Verdict: c.Verdict,
	}
	if c.Min != nil {
		r.HasMin, r.MinAt, r.From, r.MinText = true, s.at(*c.Min), s.at(*c.Min), "≥ "+short(*c.Min)
	}
	if c.Max != nil {
		r.HasMax, r.MaxAt, r.To, r.MaxText = true, s.at(*c.Max), s.at(*c.Max), "≤ "+short(*c.Max)
	}
	return r
}
