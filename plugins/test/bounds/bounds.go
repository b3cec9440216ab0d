// Package bounds reads the fixed thresholds of a configuration.
package bounds

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Block is the block threshold of a test that compares with nothing.
func Block() sdk.NestedBlock {
	return sdk.NestedBlock{
		Name: "threshold", Nesting: sdk.NestingMap, Label: "Name of the metric.",
		Block: sdk.Block{
			Description: "Bounds of a metric. One that the command does not report misses them.",
			Attributes: []sdk.Attribute{
				{Name: "min", Type: cty.Number, Description: "Smallest value that is accepted."},
				{Name: "max", Type: cty.Number, Description: "Greatest value that is accepted."},
			},
		},
	}
}

// Thresholds are the blocks, sorted by metric, as far as they are known.
func Thresholds(c sdk.Config) ([]judge.Threshold, sdk.Diagnostics) {
	var diags sdk.Diagnostics
	var out []judge.Threshold
	blocks := c.LabelledBlocks("threshold")
	for _, metric := range slices.Sorted(maps.Keys(blocks)) {
		block, at := blocks[metric], sdk.At(sdk.Attr("threshold"), sdk.Key(metric))
		t := judge.Threshold{Metric: metric, Min: Number(block, "min", at, &diags), Max: Number(block, "max", at, &diags)}
		if t.Min == nil && t.Max == nil && block.Known("min") && block.Known("max") && !diags.HasErrors() {
			diags.AddError(at, fmt.Sprintf("The threshold on %q has no bound", metric), "Every value would meet it. Set min or max, for example min = 0.93.")
		}
		CheckOrder(metric, t.Min, t.Max, at, &diags)
		out = append(out, t)
	}
	return out, diags
}

// Number is a bound, where there is one.
func Number(block sdk.Config, name string, at sdk.Path, diags *sdk.Diagnostics) *float64 {
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

// CheckOrder refuses bounds that no value lies between.
func CheckOrder(metric string, least, most *float64, at sdk.Path, diags *sdk.Diagnostics) {
	if least != nil && most != nil && *least > *most {
		diags.AddError(append(slices.Clone(at), sdk.Attr("max")), fmt.Sprintf("No value meets the threshold on %q", metric),
			fmt.Sprintf("max = %s is less than min = %s.", judge.Number(*most), judge.Number(*least)))
	}
}
