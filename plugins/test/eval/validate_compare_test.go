package eval_test

import (
	"strings"
	"testing"

	"github.com/zclconf/go-cty/cty"
)

// none is a null of each argument that is left out of a block in a map or list.
func fields(given map[string]cty.Value, types map[string]cty.Type) cty.Value {
	all := make(map[string]cty.Value)
	for name, ty := range types {
		all[name] = cty.NullVal(ty)
	}
	for name, v := range given {
		all[name] = v
	}
	return cty.ObjectVal(all)
}

var thresholdTypes = map[string]cty.Type{"min": cty.Number, "max": cty.Number, "margin": cty.Number, "better": cty.String}

var sliceTypes = map[string]cty.Type{
	"metric": cty.String, "by": cty.String, "min": cty.Number, "max": cty.Number, "margin": cty.Number, "better": cty.String, "min_items": cty.Number,
}

var trendTypes = map[string]cty.Type{"confidence": cty.Number, "tolerance": cty.Number, "outside": cty.String, "better": cty.String}

type values = map[string]cty.Value

func TestValidateComparisons(t *testing.T) {
	t.Parallel()
	number, text := cty.NumberFloatVal, cty.StringVal
	one := func(v cty.Value) cty.Value { return cty.MapVal(values{"accuracy": v}) }
	threshold := func(given values) cty.Value { return one(fields(given, thresholdTypes)) }
	slice := func(given values) cty.Value { return cty.ListVal([]cty.Value{fields(given, sliceTypes)}) }
	trend := func(given values) cty.Value { return one(fields(given, trendTypes)) }
	baseline := object("files", texts("old.json"), "margin", 0.02)
	tests := map[string]struct {
		more values
		want string // of the summary; empty when all is well
	}{
		"margin of the baseline":     {values{"baseline": baseline, "threshold": threshold(nil)}, ""},
		"margin of the threshold":    {values{"baseline": object("files", texts("old.json")), "threshold": threshold(values{"margin": number(0)})}, ""},
		"unknown margin":             {values{"baseline": object("files", texts("old.json")), "threshold": threshold(values{"margin": cty.UnknownVal(cty.Number)})}, ""},
		"unknown baseline report":    {values{"baseline": object("report", cty.UnknownVal(cty.DynamicPseudoType), "margin", 0.02), "threshold": threshold(nil)}, ""},
		"no margin anywhere":         {values{"baseline": object("files", texts("old.json")), "threshold": threshold(nil)}, `The threshold on "accuracy" has no bound`},
		"no baseline":                {values{"threshold": threshold(values{"margin": number(0.02)})}, "There is no baseline to be worse than"},
		"negative margin":            {values{"baseline": baseline, "threshold": threshold(values{"margin": number(-0.02)})}, "The margin is out of range"},
		"better":                     {values{"threshold": threshold(values{"min": number(1), "better": text("upper")})}, `better cannot be "upper"`},
		"alpha":                      {values{"baseline": object("files", texts("old.json"), "alpha", 0.5)}, "alpha is out of range"},
		"power":                      {values{"baseline": object("files", texts("old.json"), "power", 80.0)}, "power is out of range"},
		"inconclusive":               {values{"baseline": object("files", texts("old.json"), "inconclusive", "pass")}, `inconclusive cannot be "pass"`},
		"nothing to compare with":    {values{"baseline": object("margin", 0.02)}, "The baseline is not given"},
		"first release":              {values{"baseline": object("margin", 0.02, "missing", "warn")}, ""},
		"a report outside":           {values{"report_dir": text("../reports")}, "The folder of the report cannot be used"},
		"digest":                     {values{"baseline": object("files", cty.NullVal(cty.List(cty.String)), "missing", "warn", "digest", "1.2.3")}, "The digest of the released model is none"},
		"a file outside":             {values{"baseline": object("files", texts("/etc/passwd"))}, `The file "/etc/passwd" cannot be used`},
		"slice":                      {values{"samples": texts("s.jsonl"), "slice": slice(values{"metric": text("accuracy"), "by": text("digit")})}, ""},
		"slice without samples":      {values{"slice": slice(values{"metric": text("accuracy"), "by": text("digit")})}, "The items are not known"},
		"clusters without samples":   {values{"baseline": object("files", texts("old.json"), "cluster_by", "digit")}, "The items are not known"},
		"slice of nothing":           {values{"samples": texts("s.jsonl"), "slice": slice(values{"metric": text("accuracy"), "by": text("")})}, "A slice needs by"},
		"slice without items":        {values{"samples": texts("s.jsonl"), "slice": slice(values{"metric": text("accuracy"), "by": text("digit"), "min_items": number(0)})}, "min_items is less than 1"},
		"trend":                      {values{"history": object("files", texts("releases/*.json")), "trend": trend(nil)}, ""},
		"trend without history":      {values{"trend": trend(nil)}, "There are no releases to follow a trend through"},
		"history of nothing":         {values{"history": object("files", cty.NullVal(cty.List(cty.String)))}, "The history has no releases"},
		"confidence":                 {values{"history": object("files", texts("r.json")), "trend": trend(values{"confidence": number(95)})}, "confidence is out of range"},
		"tolerance":                  {values{"history": object("files", texts("r.json")), "trend": trend(values{"tolerance": number(-1)})}, "The tolerance is out of range"},
		"outside":                    {values{"history": object("files", texts("r.json")), "trend": trend(values{"outside": text("ignore")})}, `outside cannot be "ignore"`},
		"format":                     {values{"format": text("csv")}, `The format "csv" is not known`},
		"format without file":        {values{"format": text("lm-eval")}, `The format "lm-eval" needs metrics_file`},
		"samples of promptfoo":       {values{"format": text("promptfoo"), "metrics_file": text("o.json"), "samples": texts("s.jsonl")}, `The format "promptfoo" has no files of samples`},
		"exit code":                  {values{"exit_codes": cty.ListVal([]cty.Value{cty.NumberIntVal(300)})}, "No command ends with that exit code"},
		"a pattern that is no glob":  {values{"samples": texts("[")}, `The file "[" cannot be used`},
		"samples outside the folder": {values{"samples": texts("../s.jsonl")}, `The file "../s.jsonl" cannot be used`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := start(t).Validate("eval", config("true", nil, tt.more))
			if tt.want == "" && len(got) == 0 {
				return
			}
			if len(got) != 1 || got[0].Summary != tt.want {
				t.Errorf("diagnostics are %+v, want %q", got, tt.want)
			}
			for _, d := range got {
				if len(d.Detail) < 10 || len(d.Path) == 0 || strings.HasSuffix(d.Summary, ".") {
					t.Errorf("%q has no remedy, or no place: %q, %v", d.Summary, d.Detail, d.Path)
				}
			}
		})
	}
}
