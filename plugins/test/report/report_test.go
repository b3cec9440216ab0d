package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/judge"
	"github.com/stagegate/stagegate/plugins/test/report"
	"github.com/stagegate/stagegate/sdk"
)

var update = flag.Bool("update", false, "write the golden files")

var digest = "sha256:" + strings.Repeat("ab", 32)

func of(v float64) *float64 { return &v }

// sample has a check of every kind and with every verdict.
func sample() (report.Report, []judge.Past) {
	comparison := func(baseline, difference, lower, upper float64) *judge.Comparison {
		return &judge.Comparison{
			Baseline: baseline, Difference: difference, Interval: judge.Interval{Lower: lower, Upper: upper}, Margin: 0.02, Alpha: 0.05,
			Method: "exact McNemar", Pairs: 1000, Gained: 40, Lost: 45, PNotWorse: 0.01, PWorse: 0.9, Family: 4, Power: 0.7,
		}
	}
	var past []judge.Past
	for i, v := range []float64{0.912, 0.921, 0.918, 0.927, 0.931, 0.928, 0.936} {
		past = append(past, judge.Past{Release: fmt.Sprintf("1.%d", i), Values: map[string]float64{"arc_easy/acc": v, "latency_p99": 18 - float64(i)/3}})
	}
	e := &evaluation.Evaluation{}
	for _, m := range []evaluation.Metric{
		{Name: "arc_easy/acc", Value: 0.934, Samples: 1000, StdErr: of(0.0078), Better: evaluation.Higher, Setup: map[string]string{"n-shot": "5"}},
		{Name: "gsm8k/exact_match,strict-match", Value: 0.612, Samples: 1319},
		{Name: "hellaswag/acc", Value: 0.81, Samples: 10042}, {Name: "winogrande/acc", Value: 0.741, Samples: 1267},
		{Name: "latency_p99", Value: 21.25, Unit: "ms", Samples: 4500},
	} {
		if err := e.Add(m); err != nil {
			panic(err)
		}
	}
	checks := []judge.Check{
		{Kind: judge.Bound, Metric: "arc_easy/acc", Value: of(0.934), Samples: 1000, Min: of(0.93), Verdict: judge.Pass},
		{Kind: judge.Bound, Metric: "latency_p99", Unit: "ms", Value: of(21.25), Samples: 4500, Max: of(20), Verdict: judge.Fail, Reason: "21.25 is more than 20"},
		{Kind: judge.Bound, Metric: "toxicity", Max: of(0.01), Verdict: judge.Fail, Reason: "it was not measured"},
		{Kind: judge.Baseline, Metric: "arc_easy/acc", Value: of(0.934), Samples: 1000, Min: of(0.916), Better: evaluation.Higher, Comparison: comparison(0.936, -0.002, -0.013, 0.009), Verdict: judge.Pass},
		{Kind: judge.Baseline, Metric: "gsm8k/exact_match,strict-match", Value: of(0.612), Samples: 1319, Min: of(0.63), Better: evaluation.Higher, Comparison: comparison(0.65, -0.038, -0.051, -0.025), Verdict: judge.Fail, Reason: "it is worse than the baseline by more than the margin of 0.02"},
		{Kind: judge.Baseline, Metric: "hellaswag/acc", Value: of(0.81), Samples: 10042, Min: of(0.8), Better: evaluation.Higher, Comparison: comparison(0.82, -0.01, -0.015, -0.005), Verdict: judge.Warn, Reason: "it is worse than the baseline, though by less than the margin of 0.02"},
		{Kind: judge.Baseline, Metric: "winogrande/acc", Value: of(0.741), Samples: 1267, Min: of(0.73), Better: evaluation.Higher, Comparison: comparison(0.75, -0.009, -0.032, 0.014), Verdict: judge.Inconclusive, Reason: "whether it is worse than the baseline by more than 0.02 is not shown by 1267 items; about 9120 would decide"},
		{Kind: judge.Bound, Metric: "arc_easy/acc", By: "doc.topic", Slice: "geology", Value: of(0.95), Samples: 400, Min: of(0.9), Verdict: judge.Pass},
		{Kind: judge.Bound, Metric: "arc_easy/acc", By: "doc.topic", Slice: "physics", Value: of(0.88), Samples: 590, Min: of(0.9), Verdict: judge.Fail, Reason: "0.88 is less than 0.9"},
		{Kind: judge.Bound, Metric: "arc_easy/acc", By: "doc.topic", Slice: "rare", Value: of(1), Samples: 10, Min: of(0.9), Verdict: judge.NotJudged, Reason: "it has fewer than 50 items"},
	}
	checks = append(checks, judge.Trends([]judge.TrendRule{{Metric: "arc_easy/acc", Confidence: 0.95, Outside: judge.Fail}}, past, e)...)
	return report.Report{
		Schema: report.Schema, Verdict: judge.Fail, Release: "1.7", Artifact: report.Subject{Name: "digits", Digest: digest},
		Baseline: &report.Subject{Name: "digits", Release: "1.6", Digest: "sha256:" + strings.Repeat("cd", 32)},
		Metrics:  report.MetricsOf(e), Checks: checks, Inconclusive: judge.Fail,
		Samples: &report.Blob{Digest: "sha256:" + strings.Repeat("ef", 32), Size: 51234, MediaType: "application/vnd.stagegate.eval.samples.v1+jsonl"},
		Curves: []report.Curve{{
			Metric: "latency", Unit: "ms", Bounds: []report.Portion{{Share: 0.99, Value: 20}, {Share: 0.5, Value: 12}},
			Points: []report.Portion{{Share: 0, Value: 3}, {Share: 0.5, Value: 8}, {Share: 0.9, Value: 14}, {Share: 0.99, Value: 21.25}, {Share: 0.9998, Value: 90}},
		}},
		Failures: []report.Count{{Text: "no whole answer within 1s", Count: 3}, {Text: `"<b>"`, Count: 1}},
	}, past
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", name, diff)
	}
}

func TestForms(t *testing.T) {
	t.Parallel()
	r, past := sample()
	page, err := r.Page(past)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.html", page)
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "report.json", data)
	golden(t, "table.txt", []byte(report.Table(r.Checks)))
	a, _, err := r.Attest(sdk.Source{PipelineDigest: digest, Commit: strings.Repeat("c", 40), Clean: true, Repository: "https://git.example/digits"},
		&report.Blob{Digest: digest, MediaType: report.MediaType})
	if err != nil {
		t.Fatal(err)
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, a.Statement, "", "  "); err != nil {
		t.Fatal(err)
	}
	golden(t, "statement.json", append(indented.Bytes(), '\n'))
}

// A report of one release is read by the next.
func TestRead(t *testing.T) {
	t.Parallel()
	r, _ := sample()
	data, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	again, err := report.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&r, again); diff != "" {
		t.Errorf("report (-written +read):\n%s", diff)
	}
	e, err := again.Evaluation()
	if m, ok := e.Find("arc_easy/acc"); err != nil || !ok || m.Setup["n-shot"] != "5" || *m.StdErr != 0.0078 {
		t.Errorf("evaluation is %+v, %v", e, err)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                           "not one of test.eval",
		`{"accuracy": 1}`:            "it has no schema",
		`{"schema": 1, "schema": 1}`: "twice",
		`{"schema": 9, "metrics": [{"name": "a", "value": 1}]}`:   "this version reads up to 1",
		`{"schema": 1, "metrics": [{"name": "a", "value": NaN}]}`: "not one of test.eval",
	} {
		if _, err := report.Read([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", text, err, want)
		}
	}
	if _, err := report.Read(make([]byte, report.MaxBytes+1)); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("a large report: %v", err)
	}
}

// Names come from whoever wrote the metrics. None of them leaves its place in
// the page, or fetches anything.
func TestPageEscapes(t *testing.T) {
	t.Parallel()
	evil := `"><script>alert(1)</script><img src=x onerror=alert(1)>'&<!-- ]]>` + "`${x}`"
	r, past := sample()
	r.Release, r.Artifact.Name, r.Baseline.Name, r.Artifact.Digest = evil, evil, evil, evil
	for i := range r.Checks {
		c := &r.Checks[i]
		c.Reason = evil
		if c.Metric == "arc_easy/acc" {
			c.Metric = evil
		}
		if c.By != "" {
			c.By, c.Slice = evil, evil+c.Slice
		}
		if c.Comparison != nil {
			x := *c.Comparison
			x.Method, c.Comparison = evil, &x
		}
		c.Unit = evil
	}
	for i := range past {
		past[i].Release = evil
		past[i].Values[evil] = past[i].Values["arc_easy/acc"]
	}
	page, err := r.Page(past)
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"<script", "<img", "onerror=alert(1)>", "<!--"} {
		if bytes.Contains(page, []byte(bad)) {
			t.Errorf("the page holds %s", bad)
		}
	}
	elements(t, page)
}

// elements makes sure that the page is made of what the template has, that its
// pictures are well-formed XML, and that it loads nothing.
func elements(t *testing.T, page []byte) {
	t.Helper()
	known := regexp.MustCompile(`^(html|head|meta|title|style|body|header|main|section|h1|h2|h3|p|br|code|span|div|table|tr|th|td|ul|li|svg|g|text|rect|line|circle|path|polygon|polyline)$`)
	for _, m := range regexp.MustCompile(`<([A-Za-z][A-Za-z0-9]*)`).FindAllSubmatch(page, -1) {
		if !known.Match(m[1]) {
			t.Errorf("the page has an element %s", m[1])
		}
	}
	bare := regexp.MustCompile(`"[^"]*"`).ReplaceAll(page, []byte(`""`))
	if m := regexp.MustCompile(`(?i)\s(src|href|on[a-z]+|style)=""`).Find(bare); m != nil {
		t.Errorf("the page has an attribute %s", m)
	}
	for _, picture := range regexp.MustCompile(`(?s)<svg.*?</svg>`).FindAll(page, -1) {
		for dec := xml.NewDecoder(bytes.NewReader(picture)); ; {
			if _, err := dec.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("a picture is not XML: %v\n%s", err, picture)
			}
		}
	}
}

// Whatever numbers there are, pictures stay pictures.
func TestPageOfStrangeNumbers(t *testing.T) {
	t.Parallel()
	for _, v := range []float64{0, math.Copysign(0, -1), 1, -1e-300, 1e300, -1.5e308, 1.5e308, 5e-324} {
		r, past := sample()
		for i := range r.Checks {
			if r.Checks[i].Value != nil {
				r.Checks[i].Value = of(v)
			}
			if x := r.Checks[i].Comparison; x != nil {
				r.Checks[i].Comparison = &judge.Comparison{Baseline: v, Difference: v, Interval: judge.Interval{Lower: -1.7e308, Upper: 1.7e308}, Margin: 0.02, Alpha: 0.05}
			}
			if l := r.Checks[i].Line; l != nil {
				r.Checks[i].Line = nil
			}
		}
		for i := range past {
			past[i].Values["arc_easy/acc"] = v
		}
		page, err := r.Page(past)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(page, []byte("NaN")) || bytes.Contains(page, []byte("Inf")) {
			t.Errorf("with %g the page has a number that is none", v)
		}
		elements(t, page)
	}
}

func TestTestReport(t *testing.T) {
	t.Parallel()
	r, _ := sample()
	got := r.TestReport()
	var thresholds []string
	for _, threshold := range got.Thresholds {
		low, high := "-", "-"
		if threshold.Min != nil {
			low = fmt.Sprintf("%.4g", *threshold.Min)
		}
		if threshold.Max != nil {
			high = fmt.Sprintf("%.4g", *threshold.Max)
		}
		thresholds = append(thresholds, fmt.Sprintf("%s %s %s %t", threshold.Metric, low, high, threshold.Met))
	}
	want := []string{
		"arc_easy/acc 0.93 - true", // the tightest of bound, margin and trend
		"latency_p99 - 20 false", "toxicity - 0.01 false",
		"gsm8k/exact_match,strict-match 0.63 - false", "hellaswag/acc 0.8 - true", "winogrande/acc 0.73 - false",
		"arc_easy/acc[doc.topic=geology] 0.9 - true", "arc_easy/acc[doc.topic=physics] 0.9 - false",
	}
	if diff := cmp.Diff(want, thresholds); diff != "" {
		t.Errorf("thresholds (-want +got):\n%s", diff)
	}
	if len(got.Metrics) != 5+3 {
		t.Errorf("there are %d metrics", len(got.Metrics))
	}
}

// The worst check is the result, in whatever order they come.
func TestStatementResult(t *testing.T) {
	t.Parallel()
	for want, verdicts := range map[string][]judge.Verdict{
		"PASSED": {judge.Pass, judge.NotJudged},
		"WARNED": {judge.Warn, judge.Pass},
		"FAILED": {judge.Fail, judge.Warn, judge.Pass},
	} {
		r, _ := sample()
		r.Checks = nil
		for _, v := range verdicts {
			r.Checks = append(r.Checks, judge.Check{Kind: judge.Bound, Metric: "m", Value: of(1), Min: of(1), Verdict: v})
		}
		a, _, err := r.Attest(sdk.Source{}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(a.Statement, []byte(`"result":"`+want+`"`)) {
			t.Errorf("%v: %s", verdicts, a.Statement)
		}
	}
}
