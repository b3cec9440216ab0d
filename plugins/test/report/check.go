package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/judge"
)

// NameOf is what a check is about: its metric, and the slice of it.
func NameOf(c judge.Check) string {
	if c.By == "" {
		return c.Metric
	}
	return fmt.Sprintf("%s[%s=%s]", c.Metric, c.By, c.Slice)
}

// asked is what a check asks for, in the words of the configuration.
func asked(c judge.Check) string {
	switch c.Kind {
	case judge.Bound:
		return c.Bounds()
	case judge.Baseline:
		if c.Comparison == nil {
			return "baseline"
		}
		return "baseline within " + judge.Number(c.Comparison.Margin)
	case judge.Trend:
		switch {
		case c.Min != nil:
			return "trend >= " + short(*c.Min)
		case c.Max != nil:
			return "trend <= " + short(*c.Max)
		}
		return "trend"
	}
	return ""
}

// valueOf is what was measured.
func valueOf(c judge.Check) string {
	if c.Value == nil {
		return "not reported"
	}
	text := strings.TrimSpace(judge.Number(*c.Value) + " " + c.Unit)
	if c.Verdict == judge.Pass || c.Kind != judge.Bound {
		// Only a value beside its bound needs all of its digits.
		text = strings.TrimSpace(short(*c.Value) + " " + c.Unit)
	}
	return text
}

// difference is that of a comparison with its interval.
func difference(c judge.Check) string {
	x := c.Comparison
	if x == nil {
		return ""
	}
	if x.Interval.Lower <= -math.MaxFloat64 && x.Interval.Upper >= math.MaxFloat64 {
		return signed(x.Difference)
	}
	return fmt.Sprintf("%s [%s, %s]", signed(x.Difference), signed(x.Interval.Lower), signed(x.Interval.Upper))
}

// level is the share of cases in which an interval holds the truth, in percent.
func level(checks []judge.Check) string {
	for _, c := range checks {
		if c.Comparison != nil {
			return fmt.Sprintf("%g %%", math.Round(1000*(1-2*c.Comparison.Alpha))/10)
		}
	}
	return ""
}

// short has four significant digits.
func short(v float64) string { return fmt.Sprintf("%.4g", v) }

func signed(v float64) string {
	switch {
	case v >= math.MaxFloat64:
		return "+∞"
	case v <= -math.MaxFloat64:
		return "-∞"
	case math.Abs(v) < 5e-13:
		return "+0"
	}
	return fmt.Sprintf("%+.3g", v)
}
