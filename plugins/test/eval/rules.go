package eval

import (
	"fmt"
	"maps"
	"math"
	"slices"

	"github.com/stagegate/stagegate/plugins/test/bounds"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/sdk"
)

// The defaults.
const (
	defaultAlpha      = 0.05
	defaultPower      = 0.8
	defaultConfidence = 0.95
)

// rules is what the configuration asks for, as far as it is known.
type rules struct {
	judge.Rules

	inconclusive judge.Verdict
	missing      judge.Verdict // what a missing baseline counts as
}

// rulesOf reads the blocks.
func rulesOf(c sdk.Config) (rules, sdk.Diagnostics) {
	var diags sdk.Diagnostics
	r := rules{inconclusive: judge.Fail, missing: judge.Fail}
	r.Compare = judge.Compare{Alpha: defaultAlpha, Power: defaultPower}
	var margin *float64
	baseline, compared := c.Block("baseline")
	if compared {
		margin = r.baseline(baseline, &diags)
	}
	compared = compared || !c.Known("baseline")
	r.thresholds(c, margin, compared, &diags)
	r.slices(c, compared, &diags)
	r.trends(c, &diags)
	if len(r.Labels()) > 0 && !c.Set("samples") && c.Known("samples") && needsSamples(c) {
		at := sdk.At(sdk.Attr("baseline"), sdk.Attr("cluster_by"))
		if r.Compare.ClusterBy == "" {
			at = sdk.At(sdk.Attr("slice"), sdk.Index(0), sdk.Attr("by"))
		}
		diags.AddError(at, "The items are not known",
			"They are grouped by this, and samples names no file with them. Set samples, for example samples = [\"out/samples.jsonl\"].")
	}
	return r, diags
}

func needsSamples(c sdk.Config) bool {
	format := c.String("format")
	return c.Known("format") && (format == "" || format == formatMetrics || format == formatLMEval)
}

func (r *rules) baseline(b sdk.Config, diags *sdk.Diagnostics) *float64 {
	at := sdk.At(sdk.Attr("baseline"))
	r.Compare.Alpha = between(b, "alpha", defaultAlpha, 0, 0.5, at, diags)
	r.Compare.Power = between(b, "power", defaultPower, 0, 1, at, diags)
	r.Compare.ClusterBy = b.String("cluster_by")
	r.inconclusive = verdictOf(b, "inconclusive", at, diags)
	r.missing = verdictOf(b, "missing", at, diags)
	return marginOf(b, at, diags)
}

func (r *rules) thresholds(c sdk.Config, usual *float64, compared bool, diags *sdk.Diagnostics) {
	blocks := c.LabelledBlocks("threshold")
	for _, metric := range slices.Sorted(maps.Keys(blocks)) {
		block, at := blocks[metric], sdk.At(sdk.Attr("threshold"), sdk.Key(metric))
		t := asked(metric, block, compared, at, diags)
		if !t.known {
			continue
		}
		if t.Min == nil && t.Max == nil && t.Margin == nil {
			if t.Margin = usual; usual == nil {
				diags.AddError(at, fmt.Sprintf("The threshold on %q has no bound", metric),
					"Every value would meet it. Set min, max or margin, for example min = 0.93.")
			}
		}
		r.Thresholds = append(r.Thresholds, t.Threshold)
	}
}

// threshold is one that may not be known yet.
type threshold struct {
	judge.Threshold

	known bool
}

// asked reads what thresholds and slices have in common.
func asked(metric string, block sdk.Config, compared bool, at sdk.Path, diags *sdk.Diagnostics) threshold {
	before := len(*diags)
	t := threshold{Threshold: judge.Threshold{Metric: metric, Min: bounds.Number(block, "min", at, diags), Max: bounds.Number(block, "max", at, diags), Margin: marginOf(block, at, diags), Better: betterOf(block, at, diags)}}
	t.known = len(*diags) == before
	for _, name := range []string{"min", "max", "margin", "better"} {
		t.known = t.known && block.Known(name)
	}
	bounds.CheckOrder(metric, t.Min, t.Max, at, diags)
	if t.Margin != nil && !compared {
		diags.AddError(append(slices.Clone(at), sdk.Attr("margin")), "There is no baseline to be worse than",
			"A margin says how much worse than the released model the metric may be. Add a baseline block that says where its evaluation is, with missing = \"warn\" for the first release.")
	}
	return t
}

func (r *rules) slices(c sdk.Config, compared bool, diags *sdk.Diagnostics) {
	for i, block := range c.Blocks("slice") {
		at := sdk.At(sdk.Attr("slice"), sdk.Index(i))
		t := asked(block.String("metric"), block, compared, at, diags)
		least := block.Int("min_items", 1)
		if least < 1 {
			diags.AddError(append(slices.Clone(at), sdk.Attr("min_items")), "min_items is less than 1", "A slice without items has no value.")
		}
		for _, name := range []string{"metric", "by"} {
			if block.Known(name) && block.String(name) == "" {
				diags.AddError(append(slices.Clone(at), sdk.Attr(name)), "A slice needs "+name, `For example metric = "accuracy" and by = "topic".`)
			}
		}
		r.Slices = append(r.Slices, judge.SliceRule{Threshold: t.Threshold, By: block.String("by"), MinItems: int(least)})
	}
}

func (r *rules) trends(c sdk.Config, diags *sdk.Diagnostics) {
	blocks := c.LabelledBlocks("trend")
	_, known := c.Block("history")
	for _, metric := range slices.Sorted(maps.Keys(blocks)) {
		block, at := blocks[metric], sdk.At(sdk.Attr("trend"), sdk.Key(metric))
		if !known && c.Known("history") {
			diags.AddError(at, "There are no releases to follow a trend through", `Add a history block, for example history { files = ["releases/*.json"] }.`)
		}
		tolerance, _ := block.Number("tolerance")
		if tolerance < 0 || math.IsInf(tolerance, 0) {
			diags.AddError(append(slices.Clone(at), sdk.Attr("tolerance")), "The tolerance is out of range", "It is 0 or more.")
		}
		r.Trends = append(r.Trends, judge.TrendRule{
			Metric: metric, Confidence: between(block, "confidence", defaultConfidence, 0.5, 1, at, diags),
			Tolerance: tolerance, Outside: verdictOf(block, "outside", at, diags), Better: betterOf(block, at, diags),
		})
	}
}

func marginOf(block sdk.Config, at sdk.Path, diags *sdk.Diagnostics) *float64 {
	v, ok := block.Number("margin")
	if !ok {
		return nil
	}
	if v < 0 || math.IsInf(v, 0) {
		diags.AddError(append(slices.Clone(at), sdk.Attr("margin")), "The margin is out of range",
			"It is 0 or more: how much worse the metric may be. Where lower values are better, say better = \"lower\" and keep the margin positive.")
		return nil
	}
	return &v
}

// between is a number that lies strictly between two others.
func between(block sdk.Config, name string, fallback, low, high float64, at sdk.Path, diags *sdk.Diagnostics) float64 {
	v, ok := block.Number(name)
	if !ok {
		return fallback
	}
	if v <= low || v >= high {
		diags.AddError(append(slices.Clone(at), sdk.Attr(name)), name+" is out of range",
			fmt.Sprintf("It lies between %g and %g; %g is usual.", low, high, fallback))
		return fallback
	}
	return v
}

func verdictOf(block sdk.Config, name string, at sdk.Path, diags *sdk.Diagnostics) judge.Verdict {
	switch word := block.String(name); word {
	case "", "fail":
		return judge.Fail
	case "warn":
		return judge.Warn
	default:
		diags.AddError(append(slices.Clone(at), sdk.Attr(name)), fmt.Sprintf("%s cannot be %q", name, word), `It is "fail" or "warn".`)
		return judge.Fail
	}
}

func betterOf(block sdk.Config, at sdk.Path, diags *sdk.Diagnostics) evaluation.Direction {
	switch word := block.String("better"); word {
	case "", string(evaluation.Higher), string(evaluation.Lower):
		return evaluation.Direction(word)
	default:
		diags.AddError(append(slices.Clone(at), sdk.Attr("better")), fmt.Sprintf("better cannot be %q", word), `It is "higher" or "lower".`)
		return evaluation.Unstated
	}
}
