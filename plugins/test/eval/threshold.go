package eval

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/stagegate/stagegate/sdk"
)

// thresholds reads the blocks, by metric. Bounds that are not known yet are
// left out.
func thresholds(c sdk.Config) ([]sdk.Threshold, sdk.Diagnostics) {
	var diags sdk.Diagnostics
	var found []sdk.Threshold
	blocks := c.LabelledBlocks("threshold")
	for _, metric := range slices.Sorted(maps.Keys(blocks)) {
		block, at := blocks[metric], sdk.At(sdk.Attr("threshold"), sdk.Key(metric))
		t := sdk.Threshold{Metric: metric, Min: bound(block, "min", at, &diags), Max: bound(block, "max", at, &diags)}
		switch {
		case !block.Known("min") || !block.Known("max"):
		case t.Min == nil && t.Max == nil && !block.Set("min") && !block.Set("max"):
			diags.AddError(at, fmt.Sprintf("The threshold on %q has no bound", metric),
				"Every value would meet it. Set min, max, or both, for example min = 0.93.")
		case t.Min != nil && t.Max != nil && *t.Min > *t.Max:
			diags.AddError(append(at, sdk.Attr("max")), fmt.Sprintf("No value meets the threshold on %q", metric),
				fmt.Sprintf("max = %s is less than min = %s.", number(*t.Max), number(*t.Min)))
		}
		found = append(found, t)
	}
	return found, diags
}

func bound(block sdk.Config, name string, at sdk.Path, diags *sdk.Diagnostics) *float64 {
	v, ok := block.Number(name)
	if !ok {
		return nil
	}
	if math.IsInf(v, 0) {
		diags.AddError(append(slices.Clone(at), sdk.Attr(name)), "The bound is out of range",
			"No 64-bit number can hold it. Leave the bound out when every value is fine.")
		return nil
	}
	return &v
}

// judge says which thresholds are met. Bounds are inclusive, and a metric that
// was not measured meets none.
func judge(wanted []sdk.Threshold, measured []sdk.Metric) []sdk.Threshold {
	judged := slices.Clone(wanted)
	for i, t := range judged {
		m, ok := find(measured, t.Metric)
		judged[i].Met = ok && (t.Min == nil || m.Value >= *t.Min) && (t.Max == nil || m.Value <= *t.Max)
	}
	return judged
}

func find(measured []sdk.Metric, name string) (sdk.Metric, bool) {
	i := slices.IndexFunc(measured, func(m sdk.Metric) bool { return m.Name == name })
	if i < 0 {
		return sdk.Metric{}, false
	}
	return measured[i], true
}

// missed is nil when every threshold is met, and otherwise lists all of them,
// since what was met tells as much about a release.
func missed(judged []sdk.Threshold, measured []sdk.Metric) error {
	var names []string
	absent := false
	for _, t := range judged {
		if !t.Met {
			names = append(names, t.Metric)
			_, ok := find(measured, t.Metric)
			absent = absent || !ok
		}
	}
	if len(names) == 0 {
		return nil
	}
	f := &sdk.Failure{Summary: "The threshold on " + names[0] + " is missed", Class: "threshold_missed", Detail: table(judged, measured)}
	if len(names) > 1 {
		f.Summary = fmt.Sprintf("%d of %d thresholds are missed: %s", len(names), len(judged), strings.Join(names[:min(len(names), 5)], ", "))
	}
	if absent {
		f.Detail += "\nThe command reported: " + reported(measured)
	}
	return f
}

func table(judged []sdk.Threshold, measured []sdk.Metric) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "METRIC\tMEASURED\tBOUND\tRESULT")
	for _, t := range judged {
		value, result := "not reported", "missed"
		if m, ok := find(measured, t.Metric); ok {
			value = strings.TrimSpace(number(m.Value) + " " + m.Unit)
		}
		if t.Met {
			result = "met"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", t.Metric, value, bounds(t), result)
	}
	_ = w.Flush() // a Builder takes everything
	return strings.TrimSuffix(b.String(), "\n")
}

// bounds is a threshold as an expression, for example ">= 0.93".
func bounds(t sdk.Threshold) string {
	var parts []string
	if t.Min != nil {
		parts = append(parts, ">= "+number(*t.Min))
	}
	if t.Max != nil {
		parts = append(parts, "<= "+number(*t.Max))
	}
	return strings.Join(parts, ", ")
}

func reported(measured []sdk.Metric) string {
	const most = 20
	var names []string
	for _, m := range measured[:min(len(measured), most)] {
		names = append(names, m.Name)
	}
	if more := len(measured) - most; more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(names, ", ")
}

// number is the shortest text that reads back as the same value, so that a
// value just below its bound never looks equal to it.
func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }
