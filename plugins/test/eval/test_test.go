package eval_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/eval"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

var digest = "sha256:" + strings.Repeat("ab", 32)

func start(t *testing.T) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "test", Version: "0.1.0", Testers: []sdk.Tester{eval.Component{}}})
}

// config runs a script against thresholds {metric: {min, max}}.
func config(script string, thresholds map[string]cty.Value, more map[string]cty.Value) cty.Value {
	c := map[string]cty.Value{
		"artifact": sdk.Artifact{Name: "digits", Digest: digest, Location: "oci://registry.example/digits@" + digest}.Value(),
		"command":  cty.ListVal([]cty.Value{cty.StringVal("sh"), cty.StringVal("-c"), cty.StringVal(script)}),
	}
	if len(thresholds) > 0 {
		c["threshold"] = cty.MapVal(thresholds)
	}
	for k, v := range more {
		c[k] = v
	}
	return cty.ObjectVal(c)
}

func bounds(lower, upper any) cty.Value {
	value := func(v any) cty.Value {
		if f, ok := v.(float64); ok {
			return cty.NumberFloatVal(f)
		}
		return cty.NullVal(cty.Number)
	}
	return cty.ObjectVal(map[string]cty.Value{"min": value(lower), "max": value(upper)})
}

func TestThresholdsMet(t *testing.T) {
	t.Parallel()
	out := start(t).Test("eval", config(`echo "evaluating $RUNNER_ARTIFACT_DIGEST at $RUNNER_ARTIFACT_LOCATION"; echo '{"accuracy": 0.93, "loss": 0.2}'`,
		map[string]cty.Value{"accuracy": bounds(0.93, nil), "loss": bounds(0.0, 0.2)}, nil))
	if !out.Succeeded() {
		t.Fatal(out)
	}
	if want := "evaluating " + digest + " at oci://registry.example/digits@" + digest + "\n"; !strings.HasPrefix(string(out.Stdout), want) {
		t.Errorf("stdout is %q, want %q first", out.Stdout, want)
	}
	want := cty.MapVal(map[string]cty.Value{"accuracy": cty.NumberFloatVal(0.93), "loss": cty.NumberFloatVal(0.2)})
	if got := out.Outputs.GetAttr("metrics"); !got.RawEquals(want) {
		t.Errorf("metrics are %#v", got)
	}
	report := out.Result.GetReport()
	if len(report.GetMetrics()) != 2 || len(report.GetThresholds()) != 2 || !report.GetThresholds()[0].GetMet() {
		t.Errorf("report is %v", report)
	}
}

func TestMetricsFile(t *testing.T) {
	t.Parallel()
	h := start(t)
	file := map[string]cty.Value{"metrics_file": cty.StringVal("out/m.json")}
	out := h.Test("eval", config(`mkdir out; echo '{"metrics":[{"name":"p95","value":12,"unit":"ms","samples":9}]}' >out/m.json; echo '{"p95": 1}'`,
		map[string]cty.Value{"p95": bounds(nil, 20.0)}, file))
	if !out.Succeeded() {
		t.Fatal(out)
	}
	if m := out.Result.GetReport().GetMetrics()[0]; m.GetValue() != 12 || m.GetUnit() != "ms" || m.GetSamples() != 9 {
		t.Errorf("metric is %v", m)
	}
	work := t.TempDir()
	if err := os.Mkdir(filepath.Join(work, "out"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(work, "out/m.json"), []byte(`{"p95": 1}`), 0o600); err != nil {
		t.Fatal(err)
	}
	stale := h.Test("eval", config("true", nil, file), plugintest.Options{WorkDir: work})
	if f := stale.Failure(); f.GetClass() != "metrics_missing" || !strings.Contains(f.GetSummary(), "older than the command") {
		t.Errorf("a stale file: %v", stale)
	}
}

func TestFailures(t *testing.T) {
	t.Parallel()
	accuracy := map[string]cty.Value{"accuracy": bounds(0.93, nil)}
	tests := map[string]struct {
		script     string
		thresholds map[string]cty.Value
		more       map[string]cty.Value
		class      string
		want       []string
	}{
		"just missed": {
			script: `echo '{"accuracy": 0.9299999999999999}'`, thresholds: accuracy, class: "threshold_missed",
			want: []string{"The threshold on accuracy is missed", "0.9299999999999999", ">= 0.93"},
		},
		"too great": {
			script:     `echo '{"metrics":[{"name":"p95","value":30,"unit":"ms"}]}'`,
			thresholds: map[string]cty.Value{"p95": bounds(nil, 20.0)}, class: "threshold_missed",
			want: []string{"30 ms", "<= 20", "missed"},
		},
		"not reported": {
			script: `echo '{"acc": 0.99}'`, thresholds: accuracy, class: "threshold_missed",
			want: []string{"accuracy", "not reported", "The command reported: acc"},
		},
		"two missed": {
			script:     `echo '{"accuracy": 0.5, "loss": 3, "recall": 1}'`,
			thresholds: map[string]cty.Value{"accuracy": bounds(0.93, nil), "loss": bounds(nil, 1.0), "recall": bounds(0.9, nil)},
			class:      "threshold_missed", want: []string{"2 of 3 thresholds are missed: accuracy, loss", "loss      3      <= 1       FAIL"},
		},
		"NaN":         {script: `echo '{"accuracy": NaN}'`, thresholds: accuracy, class: "metrics_invalid", want: []string{"NaN", "finite"}},
		"too large":   {script: `echo '{"accuracy": 1e999}'`, thresholds: accuracy, class: "metrics_invalid", want: []string{"1e999"}},
		"no metrics":  {script: `echo done`, thresholds: accuracy, class: "metrics_missing", want: []string{"the command's output"}},
		"exit code":   {script: `echo '{"accuracy": 1}'; exit 4`, thresholds: accuracy, class: "command_failed", want: []string{"exit code 4"}},
		"no file":     {script: "true", more: map[string]cty.Value{"metrics_file": cty.StringVal("m.json")}, class: "metrics_missing", want: []string{"m.json"}},
		"link out":    {script: "ln -s /etc/passwd m.json", more: map[string]cty.Value{"metrics_file": cty.StringVal("m.json")}, class: "metrics_invalid", want: []string{"escapes"}},
		"two files":   {script: "echo '{}' >a.json; echo '{}' >b.json", more: map[string]cty.Value{"metrics_file": cty.StringVal("*.json")}, class: "metrics_invalid", want: []string{"2 files match"}},
		"a huge file": {script: "truncate -s 1T m.json", more: map[string]cty.Value{"metrics_file": cty.StringVal("m.json")}, class: "metrics_invalid", want: []string{"at most"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out := start(t).Test("eval", config(tt.script, tt.thresholds, tt.more))
			if out.Result.GetOutcome() != pluginv1.Outcome_OUTCOME_FAILED {
				t.Fatal(out)
			}
			f := out.Failure()
			if f.GetClass() != tt.class {
				t.Errorf("class is %q, want %q", f.GetClass(), tt.class)
			}
			for _, want := range tt.want {
				if all := f.GetSummary() + "\n" + f.GetDetail(); !strings.Contains(all, want) {
					t.Errorf("the message does not say %q:\n%s", want, all)
				}
			}
		})
	}
}

func TestAttestation(t *testing.T) {
	t.Parallel()
	source := &pluginv1.Source{
		Commit: strings.Repeat("c", 40), Clean: true, Repository: "https://git.example/digits",
		PipelineDigest: "sha256:" + strings.Repeat("cd", 32),
	}
	out := start(t).Test("eval", config(`echo '{"accuracy": 0.5, "loss": 0.1}'`,
		map[string]cty.Value{"accuracy": bounds(0.93, nil), "loss": bounds(nil, 1.0)}, nil), plugintest.Options{Source: source})
	var stated []*pluginv1.Attestation
	for _, e := range out.Events {
		if a := e.GetAttestation(); a != nil {
			stated = append(stated, a)
		}
	}
	if len(stated) != 1 || stated[0].GetSubjectDigest() != digest || stated[0].GetPredicateType() != "https://in-toto.io/attestation/test-result/v0.1" {
		t.Fatalf("attestations are %v", stated)
	}
	var got map[string]any
	if err := json.Unmarshal(stated[0].GetStatement(), &got); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"_type":         "https://in-toto.io/Statement/v1",
		"subject":       []any{map[string]any{"name": "digits", "digest": map[string]any{"sha256": digest[len("sha256:"):]}}},
		"predicateType": "https://in-toto.io/attestation/test-result/v0.1",
		"predicate": map[string]any{
			"result": "FAILED",
			"configuration": []any{
				map[string]any{"name": "pipeline", "digest": map[string]any{"sha256": strings.Repeat("cd", 32)}},
				map[string]any{"name": "source", "uri": "https://git.example/digits", "digest": map[string]any{"gitCommit": strings.Repeat("c", 40)}},
			},
			"passedTests": []any{"loss <= 1"}, "warnedTests": []any{}, "failedTests": []any{"accuracy >= 0.93"},
			"stagegate_report": map[string]any{
				"name": "report", "mediaType": "application/vnd.stagegate.eval.report.v1+json",
				"digest": map[string]any{"sha256": out.Artifacts[0].GetDigest()[len("sha256:"):]},
			},
			"stagegate_metrics": []any{map[string]any{"name": "accuracy", "value": 0.5}, map[string]any{"name": "loss", "value": 0.1}},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("statement (-want +got):\n%s", diff)
	}
	// A failed result has outputs all the same, and the digest is that of the
	// very bytes.
	if got := out.Outputs.GetAttr("report_digest"); !got.RawEquals(cty.StringVal(sha256Of(stated[0].GetStatement()))) {
		t.Errorf("report_digest is %#v", got)
	}
}
