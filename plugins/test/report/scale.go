package report

import (
	"math"
	"strconv"
	"unicode/utf8"
)

// scale maps values to places of a picture.
type scale struct{ from, to, start, end float64 }

func (s scale) at(v float64) float64 {
	part := (v - s.from) / (s.to - s.from)
	return s.start + min(max(part, 0), 1)*(s.end-s.start)
}

// around is a scale that has room for all values, and some beside them.
func around(start, end float64, values ...float64) scale {
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range values {
		low, high = min(low, v), max(high, v)
	}
	room := 0.15 * (high - low)
	if room == 0 {
		room = max(0.05*math.Abs(high), 1e-9)
	}
	return scale{from: low - room, to: high + room, start: start, end: end}
}

// tick is a place on an axis with its number.
type tick struct {
	At   float64
	Text string
}

// ticks are round numbers: about as many as asked for.
func (s scale) ticks(about int) []tick {
	step := math.Pow(10, math.Floor(math.Log10((s.to-s.from)/float64(about))))
	for _, factor := range []float64{1, 2, 5, 10} {
		if (s.to-s.from)/(step*factor) <= float64(about)+0.5 {
			step *= factor
			break
		}
	}
	digits := max(0, int(math.Ceil(-math.Log10(step)-1e-9)))
	var found []tick
	for v := math.Ceil(s.from/step) * step; v <= s.to+step/1e6 && len(found) < 20; v += step {
		found = append(found, tick{At: s.at(v), Text: strconv.FormatFloat(v+0, 'f', min(digits, 12), 64)})
	}
	return found
}

// clip shortens a label to so many characters.
func clip(s string, most int) string {
	if utf8.RuneCountInString(s) <= most {
		return s
	}
	return string([]rune(s)[:most-1]) + "…"
}
