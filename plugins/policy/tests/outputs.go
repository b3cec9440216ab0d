package tests

import (
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

func testType() cty.Type {
	return cty.Object(map[string]cty.Type{
		"file": cty.String, "line": cty.Number, "name": cty.String, "verdict": cty.String, "message": cty.String, "seconds": cty.Number,
	})
}

func fileType() cty.Type {
	return cty.Object(map[string]cty.Type{
		"file": cty.String, "percent": cty.Number, "lines": cty.Number, "reached": cty.Number, "missed": cty.List(cty.Number),
	})
}

// outputs are those of the schema.
func outputs() []sdk.Attribute {
	return []sdk.Attribute{
		{Name: "tests", Type: cty.List(testType()), Description: "Every test, by file and line: where it is, or where it failed, its verdict (`passed`, `failed`, `broken` or `skipped`) and why."},
		{Name: "files", Type: cty.List(fileType()), Description: "Every file of rules: how many lines it has with something to evaluate, how many of them tests reach, and which they miss."},
		{Name: "coverage", Type: cty.Number, Description: "Percentage of lines that tests reach, of all files."},
	}
}

func (r *result) outputs() sdk.Outputs {
	tests := make([]cty.Value, 0, len(r.cases))
	for _, c := range r.cases {
		tests = append(tests, cty.ObjectVal(map[string]cty.Value{
			"file": cty.StringVal(c.file), "line": cty.NumberIntVal(int64(c.line)), "name": cty.StringVal(c.whole()),
			"verdict": cty.StringVal(verdictName(c.verdict)), "message": cty.StringVal(c.message), "seconds": cty.NumberFloatVal(c.seconds),
		}))
	}
	files := make([]cty.Value, 0, len(r.files))
	for _, f := range r.files {
		missed := make([]cty.Value, 0, len(f.missed))
		for _, line := range f.missed {
			missed = append(missed, cty.NumberIntVal(int64(line)))
		}
		files = append(files, cty.ObjectVal(map[string]cty.Value{
			"file": cty.StringVal(f.name), "percent": cty.NumberFloatVal(f.lines.percent()), "lines": cty.NumberIntVal(int64(f.lines.all)),
			"reached": cty.NumberIntVal(int64(f.lines.reached)), "missed": listOf(cty.Number, missed),
		}))
	}
	return sdk.Outputs{
		"tests": listOf(testType(), tests), "files": listOf(fileType(), files), "coverage": cty.NumberFloatVal(r.lines.percent()),
	}
}

func listOf(element cty.Type, values []cty.Value) cty.Value {
	if len(values) == 0 {
		return cty.ListValEmpty(element)
	}
	return cty.ListVal(values)
}

func verdictName(v sdk.Verdict) string {
	switch v {
	case sdk.CasePassed:
		return "passed"
	case sdk.CaseFailed:
		return "failed"
	case sdk.CaseSkipped:
		return "skipped"
	default:
		return "broken"
	}
}

// report is what the runner records of every tester.
func (r *result) report(least float64) sdk.TestReport {
	percent := r.lines.percent()
	out := sdk.TestReport{Metrics: []sdk.Metric{{Name: "coverage", Value: percent, Unit: "%", Samples: int64(r.lines.all)}}}
	if least > 0 {
		out.Thresholds = []sdk.Threshold{{Metric: "coverage", Min: &least, Met: percent >= least}}
	}
	for _, c := range r.cases {
		message := c.message
		if message != "" {
			message = c.place() + ": " + message
		}
		out.Cases = append(out.Cases, sdk.TestCase{Suite: c.pkg, Name: c.name, Verdict: c.verdict, Message: message, Seconds: c.seconds})
	}
	return out
}
