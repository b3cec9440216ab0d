package eval_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

// write puts files into a fresh folder.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// rows are items of which some are right, with a digit each.
func rows(n int, right func(i int) bool) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"id": "row-%d", "accuracy": %t, "digit": %d}`+"\n", i, right(i), i%3)
	}
	return b.String()
}

// accuracy is that of rows, as a metric.
func accuracy(n int, right func(i int) bool) string {
	sum := 0
	for i := range n {
		if right(i) {
			sum++
		}
	}
	return fmt.Sprintf(`{"metrics": [{"name": "accuracy", "value": %.4f, "samples": %d}]}`, float64(sum)/float64(n), n)
}

func texts(words ...string) cty.Value {
	var values []cty.Value
	for _, w := range words {
		values = append(values, cty.StringVal(w))
	}
	return cty.ListVal(values)
}

func object(fields ...any) cty.Value {
	m := make(map[string]cty.Value)
	for i := 0; i < len(fields); i += 2 {
		switch v := fields[i+1].(type) {
		case string:
			m[fields[i].(string)] = cty.StringVal(v)
		case float64:
			m[fields[i].(string)] = cty.NumberFloatVal(v)
		case cty.Value:
			m[fields[i].(string)] = v
		}
	}
	return cty.ObjectVal(m)
}

// candidate runs a command that copies what is prepared under new/.
func candidate(more map[string]cty.Value) cty.Value {
	more["samples"] = texts("out/rows.jsonl")
	return config("mkdir out && cp new/rows.jsonl out/ && cat new/metrics.json", nil, more)
}

func odd(every int) func(int) bool { return func(i int) bool { return i%every != 0 } }

func TestAgainstBaseline(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		n          int
		now, then  func(int) bool
		more       map[string]cty.Value
		baseline   cty.Value
		class      string
		want       []string
		result     string
		met        bool
		noBaseline bool
	}{
		"as good": {
			n: 2000, now: odd(10), then: odd(11), result: "PASSED", met: true,
			want: []string{"METRIC    VALUE  THRESHOLD             BASELINE  DELTA [90 % CI]", "baseline within 0.03  0.909", "PASS"},
		},
		"worse": {
			n: 2000, now: odd(4), then: odd(11), class: "threshold_missed", result: "FAILED",
			want: []string{"The threshold on accuracy is missed", "it is worse than the baseline by more than the margin of 0.03"},
		},
		"too few": {
			n: 100, now: odd(10), then: odd(11), class: "inconclusive", result: "FAILED",
			want: []string{"The evaluation does not show whether accuracy is good enough", "is not shown by 100 items; about", "would decide"},
		},
		"too few, and that is well": {
			n: 100, now: odd(10), then: odd(11), result: "WARNED", want: []string{"INCONCLUSIVE"},
			baseline: object("files", texts("old/metrics.json"), "samples", texts("old/rows.jsonl"), "margin", 0.03, "inconclusive", "warn"),
		},
		"no baseline": {
			n: 100, now: odd(10), then: odd(11), class: "baseline_missing", noBaseline: true, want: []string{"There is no baseline"},
		},
		"first release": {
			n: 100, now: odd(10), then: odd(11), result: "WARNED", noBaseline: true, want: []string{"there is no baseline to compare it with"},
			baseline: object("files", texts("old/metrics.json"), "samples", texts("old/rows.jsonl"), "margin", 0.03, "missing", "warn"),
		},
		"other items": {
			n: 100, now: odd(10), then: odd(11), class: "baseline_mismatch",
			baseline: object("files", texts("old/metrics.json"), "samples", texts("old/fewer.jsonl"), "margin", 0.03),
			want:     []string{"The evaluation and its baseline cannot be compared", "97 items have a partner, 3 are in the candidate's evaluation alone"},
		},
		"no samples of the baseline": {
			n: 100, now: odd(10), then: odd(11), class: "baseline_invalid", want: []string{"its samples: no file matches"},
			baseline: object("files", texts("old/metrics.json"), "samples", texts("old/none.jsonl"), "margin", 0.03, "missing", "warn"),
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			files := map[string]string{"new/rows.jsonl": rows(tt.n, tt.now), "new/metrics.json": accuracy(tt.n, tt.now)}
			if !tt.noBaseline {
				// The baseline's rows are in another order.
				lines := strings.SplitAfter(rows(tt.n, tt.then), "\n")
				files["old/rows.jsonl"] = strings.Join(append(lines[tt.n/2:], lines[:tt.n/2]...), "")
				files["old/metrics.json"] = accuracy(tt.n, tt.then)
				files["old/fewer.jsonl"] = strings.Join(lines[3:], "")
			}
			if tt.baseline == cty.NilVal {
				tt.baseline = object("files", texts("old/metrics.json"), "samples", texts("old/rows.jsonl"), "margin", 0.03)
			}
			h := start(t)
			c := candidate(map[string]cty.Value{"baseline": tt.baseline, "threshold": cty.MapVal(map[string]cty.Value{"accuracy": bounds(nil, nil)})})
			work := write(t, files)
			for _, d := range h.Validate("eval", c, plugintest.Options{WorkDir: work}) {
				t.Errorf("%s: %s", d.Summary, d.Detail)
			}
			out := h.Test("eval", c, plugintest.Options{WorkDir: work})
			if f := out.Failure(); f.GetClass() != tt.class {
				t.Fatalf("class is %q, want %q: %v", f.GetClass(), tt.class, out)
			}
			all := string(out.Stdout) + out.Failure().GetSummary() + out.Failure().GetDetail()
			for _, want := range tt.want {
				if !strings.Contains(all, want) {
					t.Errorf("nothing says %q:\n%s", want, all)
				}
			}
			if tt.result != "" && stated(t, out).Predicate.Result != tt.result {
				t.Errorf("the statement says %+v, want %s", stated(t, out), tt.result)
			}
			if thresholds := out.Result.GetReport().GetThresholds(); tt.result != "" && (len(thresholds) != 1 || thresholds[0].GetMet() != tt.met) {
				t.Errorf("thresholds are %v", thresholds)
			}
		})
	}
}

// statedResult is a part of the statement.
type statedResult struct {
	Predicate struct {
		Result        string
		Configuration []struct {
			Name   string
			Digest map[string]string
		}
		PassedTests, WarnedTests, FailedTests []string
	}
}

func stated(t *testing.T, out plugintest.Outcome) statedResult {
	t.Helper()
	var s statedResult
	for _, e := range out.Events {
		if a := e.GetAttestation(); a != nil {
			if err := json.Unmarshal(a.GetStatement(), &s); err != nil {
				t.Fatal(err)
			}
		}
	}
	return s
}

// The report of one release is the baseline of the next, with its items.
func TestAgainstAReport(t *testing.T) {
	t.Parallel()
	h := start(t)
	old := h.Test("eval", candidate(map[string]cty.Value{"release": cty.StringVal("1.0")}),
		plugintest.Options{WorkDir: write(t, map[string]string{"new/rows.jsonl": rows(2000, odd(11)), "new/metrics.json": accuracy(2000, odd(11))})})
	if !old.Succeeded() || len(old.Artifacts) != 3 {
		t.Fatal(old)
	}
	work := map[string]string{"new/rows.jsonl": rows(2000, odd(10)), "new/metrics.json": accuracy(2000, odd(10))}
	now := func(digest string) plugintest.Outcome {
		baseline := object("report", old.Outputs.GetAttr("report"), "margin", 0.03)
		if digest != "" {
			baseline = object("report", old.Outputs.GetAttr("report"), "margin", 0.03, "digest", digest)
		}
		return h.Test("eval", candidate(map[string]cty.Value{
			"baseline": baseline, "threshold": cty.MapVal(map[string]cty.Value{"accuracy": bounds(nil, nil)}),
			"history": object("reports", cty.ListVal([]cty.Value{old.Outputs.GetAttr("report")})),
		}), plugintest.Options{WorkDir: write(t, work)})
	}
	out := now(digest)
	if !out.Succeeded() {
		t.Fatal(out)
	}
	s := stated(t, out)
	if c := s.Predicate.Configuration; len(c) != 1 || c[0].Name != "baseline" || "sha256:"+c[0].Digest["sha256"] != digest {
		t.Errorf("configuration is %+v", c)
	}
	if p := s.Predicate.PassedTests; len(p) != 1 || p[0] != "accuracy baseline within 0.03" {
		t.Errorf("tests are %q", p)
	}
	if got := out.Outputs.GetAttr("verdict").AsString(); got != "PASS" {
		t.Errorf("verdict is %s", got)
	}
	other := now("sha256:" + strings.Repeat("cd", 32))
	if f := other.Failure(); f.GetClass() != "baseline_invalid" || !strings.Contains(f.GetSummary(), "the report is about "+digest) {
		t.Errorf("another model: %v", other)
	}
}

func TestSlicesAndClusters(t *testing.T) {
	t.Parallel()
	n := 900
	files := map[string]string{
		"new/rows.jsonl": rows(n, func(i int) bool { return i%10 != 0 && (i%3 != 2 || i%2 == 0) }), "old/rows.jsonl": rows(n, odd(10)),
		"new/metrics.json": accuracy(n, func(i int) bool { return i%10 != 0 && (i%3 != 2 || i%2 == 0) }), "old/metrics.json": accuracy(n, odd(10)),
	}
	more := map[string]cty.Value{
		"baseline": object("files", texts("old/metrics.json"), "samples", texts("old/rows.jsonl")),
		"slice": cty.ListVal([]cty.Value{cty.ObjectVal(map[string]cty.Value{
			"metric": cty.StringVal("accuracy"), "by": cty.StringVal("digit"), "min": cty.NumberFloatVal(0.3), "max": cty.NullVal(cty.Number),
			"margin": cty.NumberFloatVal(0.05), "better": cty.NullVal(cty.String), "min_items": cty.NullVal(cty.Number),
		})}),
	}
	out := start(t).Test("eval", candidate(more), plugintest.Options{WorkDir: write(t, files)})
	if f := out.Failure(); f.GetClass() != "threshold_missed" || !strings.Contains(f.GetSummary(), "The threshold on accuracy[digit=2] is missed") {
		t.Fatal(out)
	}
	if len(stated(t, out).Predicate.PassedTests) != 5 || len(stated(t, out).Predicate.FailedTests) != 1 {
		t.Errorf("tests are %+v", stated(t, out).Predicate)
	}
	r := out.Result.GetReport()
	if len(r.GetThresholds()) != 3 || len(r.GetMetrics()) != 4 {
		t.Errorf("report is %v", r)
	}
}

func TestHistory(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"releases/v1.9.json":  `{"accuracy": 0.91, "loss": 0.3}`,
		"releases/v1.10.json": `{"metrics": [{"name": "accuracy", "value": 0.92}]}`,
		"more.jsonl":          `{"release": "1.11", "metrics": {"accuracy": 0.915}}` + "\n" + `{"release": "1.12", "metrics": [{"name": "accuracy", "value": 0.92}]}` + "\n",
	}
	run := func(value string, files map[string]string) plugintest.Outcome {
		return start(t).Test("eval", config(`echo '{"accuracy": `+value+`}'`, nil, map[string]cty.Value{
			"history": object("files", texts("releases/*.json", "more.jsonl")),
			"trend":   cty.MapVal(map[string]cty.Value{"accuracy": object("confidence", 0.9, "tolerance", cty.NullVal(cty.Number), "outside", cty.NullVal(cty.String), "better", cty.NullVal(cty.String))}),
		}), plugintest.Options{WorkDir: write(t, files)})
	}
	if out := run("0.925", files); !out.Succeeded() || !strings.Contains(string(out.Stdout), "trend >=") {
		t.Error(out)
	}
	if out := run("0.85", files); out.Failure().GetClass() != "threshold_missed" || !strings.Contains(out.Failure().GetDetail(), "after 4 releases, 90 % of the next ones") {
		t.Error(out)
	}
	if out := run("0.85", map[string]string{"releases/v1.json": `{"accuracy": 0.9}`}); !out.Succeeded() || !strings.Contains(string(out.Stdout), "a trend takes 3 releases with it, and 1 are known") {
		t.Error(out)
	}
	bad := run("0.9", map[string]string{"more.jsonl": "{\"accuracy\": 0.9}\n{\"accuracy\": NaN}\n"})
	if f := bad.Failure(); f.GetClass() != "history_invalid" || !strings.Contains(f.GetSummary(), "read more.jsonl: line 2") {
		t.Error(bad)
	}
}

const harness = `{"results": {"arc": {"acc,none": 0.9, "acc_stderr,none": 0.02, "ppl,none": NaN}}, "n-shot": {"arc": %d}, "versions": {"arc": 1.0},
 "task_hashes": {"arc": "aa"}, "higher_is_better": {"arc": {"acc": true}}, "n-samples": {"arc": {"original": 200, "effective": 200}}, "config": {"limit": null}}`

func harnessRows(right func(int) bool) string {
	var b strings.Builder
	for i := range 200 {
		fmt.Fprintf(&b, `{"doc_id": %d, "doc": {"topic": "t%d"}, "doc_hash": "h%d", "filter": "none", "acc": %d}`+"\n", i, i%40, i, map[bool]int{true: 1}[right(i)])
	}
	return b.String()
}

func TestFormats(t *testing.T) {
	t.Parallel()
	margin := cty.MapVal(map[string]cty.Value{"arc/acc": bounds(nil, nil)})
	lmEval := func(more map[string]cty.Value) cty.Value {
		more["format"], more["metrics_file"], more["samples"] = cty.StringVal("lm-eval"), cty.StringVal("out/results_*.json"), texts("out/samples_*.jsonl")
		more["baseline"] = object("files", texts("old/results_*.json"), "samples", texts("old/samples_*.jsonl"), "margin", 0.1, "cluster_by", "doc.topic")
		return config("cp -r new out", nil, more)
	}
	files := map[string]string{
		"new/results_2.json": fmt.Sprintf(harness, 5), "new/samples_arc_2.jsonl": harnessRows(odd(10)),
		"old/results_1.json": fmt.Sprintf(harness, 5), "old/samples_arc_1.jsonl": harnessRows(odd(10)),
		"tests.json": `{"version": 3, "results": [
			{"success": true, "score": 1, "testIdx": 0, "vars": {}, "provider": "p", "prompt": {"raw": "q"}},
			{"success": false, "score": 0, "testIdx": 1, "vars": {}, "provider": "p", "prompt": {"raw": "q"}}]}`,
		"junit.xml": `<testsuite name="s"><testcase name="a"/><testcase name="b"><failure/></testcase><testcase name="c"/><testcase name="d"/></testsuite>`,
	}
	other := map[string]string{}
	for name, text := range files {
		other[name] = text
	}
	other["old/results_1.json"] = fmt.Sprintf(harness, 0)
	broken := map[string]string{}
	for name, text := range files {
		broken[name] = strings.Replace(text, `"filter": "none", "acc": 0`, `"filter": "none", "acc": NaN`, 1)
	}
	tests := map[string]struct {
		config cty.Value
		files  map[string]string
		class  string
		want   []string
	}{
		"lm-eval":                {lmEval(map[string]cty.Value{"threshold": margin}), files, "", []string{"arc/acc", "PASS", "arc/ppl is left out: line 1: results.arc[\"ppl,none\"]: it is NaN"}},
		"lm-eval, other shots":   {lmEval(map[string]cty.Value{"threshold": margin}), other, "baseline_mismatch", []string{"arc/acc: n-shot is 5, in the baseline 0"}},
		"lm-eval, NaN in a row":  {lmEval(map[string]cty.Value{"threshold": margin}), broken, "baseline_invalid", []string{"read old/samples_arc_1.jsonl: line 1: acc: it is NaN"}},
		"lm-eval, NaN is judged": {lmEval(map[string]cty.Value{"threshold": cty.MapVal(map[string]cty.Value{"arc/ppl": bounds(nil, 10.0)})}), files, "threshold_missed", []string{"it cannot be judged: line 1: results.arc[\"ppl,none\"]: it is NaN"}},
		"promptfoo": {config("cp tests.json out.json; exit 100", map[string]cty.Value{"pass_rate": bounds(0.5, nil)},
			map[string]cty.Value{"format": cty.StringVal("promptfoo"), "metrics_file": cty.StringVal("out.json")}), files, "", []string{"pass_rate", ">= 0.5"}},
		"promptfoo that broke": {config("cp tests.json out.json; exit 1", map[string]cty.Value{"pass_rate": bounds(0.5, nil)},
			map[string]cty.Value{"format": cty.StringVal("promptfoo"), "metrics_file": cty.StringVal("out.json")}), files, "command_failed", []string{"exit code 1"}},
		"junit": {config("cp junit.xml out.xml; exit 1", map[string]cty.Value{"pass_rate": bounds(0.8, nil)},
			map[string]cty.Value{"format": cty.StringVal("junit"), "metrics_file": cty.StringVal("out.xml"), "exit_codes": cty.ListVal([]cty.Value{cty.NumberIntVal(0), cty.NumberIntVal(1)})}), files, "threshold_missed", []string{"0.75", ">= 0.8"}},
		"no samples": {config("cp -r new out; rm out/samples*", nil, map[string]cty.Value{
			"format": cty.StringVal("lm-eval"), "metrics_file": cty.StringVal("out/results_*.json"), "samples": texts("out/samples_*.jsonl")}), files, "samples_missing", []string{"There are no samples"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := start(t)
			work := write(t, tt.files)
			for _, d := range h.Validate("eval", tt.config, plugintest.Options{WorkDir: work}) {
				t.Errorf("%s: %s", d.Summary, d.Detail)
			}
			out := h.Test("eval", tt.config, plugintest.Options{WorkDir: work})
			if got := out.Failure().GetClass(); got != tt.class {
				t.Fatalf("class is %q, want %q: %v", got, tt.class, out)
			}
			all := string(out.Stdout) + string(out.Stderr) + out.Failure().GetSummary() + out.Failure().GetDetail()
			for _, want := range tt.want {
				if !strings.Contains(all, want) {
					t.Errorf("nothing says %q:\n%s", want, all)
				}
			}
		})
	}
}

// What the evaluation is compared with is an input of it.
func TestInputsHoldWhatIsCompared(t *testing.T) {
	t.Parallel()
	in := start(t).Inputs("eval", candidate(map[string]cty.Value{
		"inputs":   texts("evaluate"),
		"baseline": object("files", texts("old/metrics.json"), "samples", texts("old/rows.jsonl"), "margin", 0.03),
		"history":  object("files", texts("releases/*.json")),
	}))
	want := sdk.Inputs{Complete: true, Files: []string{"evaluate", "!out/rows.jsonl", "old/metrics.json", "old/rows.jsonl", "releases/*.json"}}
	if fmt.Sprint(in) != fmt.Sprint(want) {
		t.Errorf("inputs are %+v, want %+v", in, want)
	}
}

// What report_dir leaves in the tree is the next release's baseline and history.
func TestReportInTheTree(t *testing.T) {
	t.Parallel()
	h := start(t)
	work := write(t, map[string]string{"new/rows.jsonl": rows(2000, odd(11)), "new/metrics.json": accuracy(2000, odd(11))})
	in := plugintest.Options{WorkDir: work}
	old := h.Test("eval", candidate(map[string]cty.Value{"report_dir": cty.StringVal("releases/1.0"), "release": cty.StringVal("1.0")}), in)
	if !old.Succeeded() || len(old.Result.GetFiles()) != 3 {
		t.Fatal(old)
	}
	for i, name := range []string{"samples.jsonl", "evaluation.json", "evaluation.html"} {
		data, err := os.ReadFile(filepath.Join(work, "releases/1.0", name))
		if err != nil {
			t.Fatal(err)
		}
		if got := sha256Of(data); got != old.Artifacts[i].GetDigest() {
			t.Errorf("%s in the tree has the digest %s, and %s in the store", name, got, old.Artifacts[i].GetDigest())
		}
	}
	now := func(baseline cty.Value) plugintest.Outcome {
		if err := os.RemoveAll(filepath.Join(work, "out")); err != nil {
			t.Fatal(err)
		}
		return h.Test("eval", candidate(map[string]cty.Value{
			"baseline": baseline, "threshold": cty.MapVal(map[string]cty.Value{"accuracy": bounds(nil, nil)}),
			"history": object("files", texts("releases/*/evaluation.json")),
		}), in)
	}
	report, samples := texts("releases/1.0/evaluation.json"), texts("releases/1.0/samples.jsonl")
	if out := now(object("files", report, "samples", samples, "margin", 0.03, "digest", digest)); !out.Succeeded() || !strings.Contains(string(out.Stdout), "PASS") {
		t.Error(out)
	}
	other := now(object("files", report, "samples", texts("out/rows.jsonl"), "margin", 0.03))
	if f := other.Failure(); f.GetClass() != "baseline_invalid" {
		t.Error(other)
	}
	if err := os.WriteFile(filepath.Join(work, "releases/1.0/samples.jsonl"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	changed := now(object("files", report, "samples", samples, "margin", 0.03))
	if f := changed.Failure(); f.GetClass() != "baseline_invalid" || !strings.Contains(f.GetSummary(), "is not the file that the report was written with") {
		t.Error(changed)
	}
	nameless := now(object("files", texts("new/metrics.json"), "margin", 0.03, "digest", digest))
	if f := nameless.Failure(); !strings.Contains(f.GetSummary(), "does not say which model it is about") {
		t.Error(nameless)
	}
}

// A link that leads out of the pipeline's folder is not followed.
func TestReportStaysInTheTree(t *testing.T) {
	t.Parallel()
	outside, work := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(work, "reports")); err != nil {
		t.Fatal(err)
	}
	out := start(t).Test("eval", config(`echo '{"accuracy": 1}'`, nil, map[string]cty.Value{"report_dir": cty.StringVal("reports")}), plugintest.Options{WorkDir: work})
	if f := out.Failure(); f.GetClass() != "report_unwritable" || !strings.Contains(f.GetSummary(), "escapes") {
		t.Error(out)
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("outside there are %v, %v", left, err)
	}
}
