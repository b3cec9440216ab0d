package promptfoo_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/promptfoo"
)

func file(text string) evaluation.File {
	return evaluation.File{Name: "out.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
}

func result(i int, vars, success string, score float64, more string) string {
	return fmt.Sprintf(`{"promptIdx": 0, "testIdx": %d, "id": "r%d", "provider": {"id": "openai:chat:m", "label": ""}, "prompt": {"raw": "Say {{x}}", "label": "short"},
  "vars": %s, "response": {"output": "a"}, "success": %s, "score": %g, "failureReason": 0, "latencyMs": 12%s}`, i, i, vars, success, score, more)
}

func summary(successes, failures int, results ...string) string {
	return fmt.Sprintf(`{"evalId": "eval-x", "results": {"version": 3, "timestamp": "2026-01-31T10:00:00Z", "prompts": [{"raw": "Say {{x}}"}],
  "results": [%s], "stats": {"successes": %d, "failures": %d, "errors": 0, "tokenUsage": {"total": 10}}}, "config": {"tests": []}, "shareableUrl": null}`,
		strings.Join(results, ",\n"), successes, failures)
}

var good = summary(2, 1,
	result(0, `{"x": "1", "topic": "math"}`, "true", 1, `, "namedScores": {"tone": 0.5}`),
	result(1, `{"x": "2", "topic": "math"}`, "false", 0.25, `, "namedScores": {}`),
	result(2, `{"topic": "art", "x": 3}`, "true", 1, `, "namedScores": {"tone": 1}`))

func TestRead(t *testing.T) {
	t.Parallel()
	e, err := promptfoo.Read(file(good), []string{"vars.topic"})
	if err != nil {
		t.Fatal(err)
	}
	want := []evaluation.Metric{
		{Name: "pass_rate", Value: 2.0 / 3, Samples: 3, Better: evaluation.Higher},
		{Name: "score", Value: 0.75, Samples: 3, Better: evaluation.Higher},
		{Name: "tone", Value: 0.75, Samples: 2, Better: evaluation.Higher},
	}
	if diff := cmp.Diff(want, e.Metrics); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
	s, _ := e.Series("score")
	topics, ok := s.Slices("vars.topic")
	if !ok || len(topics) != 2 || topics[1].Name != "math" || len(topics[1].At) != 2 {
		t.Errorf("slices are %+v", topics)
	}
}

// The summary alone is read as well, and tests with several providers have
// metrics for each.
func TestReadSummary(t *testing.T) {
	t.Parallel()
	one := result(0, `{}`, "true", 1, "")
	other := strings.Replace(one, `"label": ""`, `"label": "new"`, 1)
	e, err := promptfoo.Read(file(`{"version": 3, "results": [`+one+","+other+`], "stats": {"successes": 2, "failures": 0, "errors": 0}}`), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := e.Find("new/short/pass_rate"); !ok || len(e.Metrics) != 4 {
		t.Errorf("metrics are %+v", e.Metrics)
	}
}

// A prompt without a label has all of itself as one.
func TestReadLongPrompts(t *testing.T) {
	t.Parallel()
	prompt := func(end string) string {
		return strings.Replace(result(0, `{}`, "true", 1, ""), `"short"`, `"`+strings.Repeat(`Be\nkind. `, 60)+end+`"`, 1)
	}
	e, err := promptfoo.Read(file(summary(2, 0, prompt("a"), prompt("b"))), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Metrics) != 4 || !strings.HasPrefix(e.Metrics[0].Name, "openai:chat:m/Be kind. Be kind.") || len(e.Metrics[0].Name) > 100 {
		t.Errorf("metrics are %+v", e.Metrics)
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ text, want string }{
		"nothing":       {"", "ends in the middle"},
		"list":          {"[]", "it is not a JSON object"},
		"version 2":     {strings.Replace(good, `"version": 3`, `"version": 2`, 1), "it is of version 2; only version 3 is known"},
		"no version":    {strings.Replace(good, `"version"`, `"vers"`, 1), "does not say that it is of version 3"},
		"no results":    {`{"version": 3}`, "no list of results"},
		"empty":         {summary(0, 0), "it holds no result"},
		"cut off":       {good[:700], "ends in the middle"},
		"lost results":  {summary(3, 1, result(0, `{}`, "true", 1, "")), "it holds 1 results, and its stats count 4"},
		"other count":   {summary(0, 1, result(0, `{}`, "true", 1, "")), "1 of its results are successes, and its stats count 0"},
		"twice":         {`{"version": 3, "version": 3}`, "version is there twice"},
		"twice, deep":   {summary(1, 0, result(0, `{}`, "true", 1, `, "score": 0`)), `results.results[0]: the name "score" is there twice`},
		"null score":    {strings.Replace(good, `"score": 0.25`, `"score": null`, 1), "results.results[1]: score: it is null, not a number"},
		"no success":    {strings.Replace(good, `"success": false`, `"succ": false`, 1), `results.results[1]: it has no "success"`},
		"text success":  {strings.Replace(good, `"success": false`, `"success": "false"`, 1), "success: it is a string, not true or false"},
		"NaN":           {strings.Replace(good, `0.25`, `NaN`, 1), "not valid JSON"},
		"no label":      {strings.Replace(good, `"topic": "art", `, ``, 1), `results.results[2]: it has no "vars.topic"`},
		"text named":    {strings.Replace(good, `"tone": 0.5`, `"tone": "0.5"`, 1), "namedScores.tone: it is a string"},
		"two summaries": {good + good, "more text after"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := promptfoo.Read(file(tt.text), []string{"vars.topic"}[:min(1, strings.Count(tt.text, "topic"))]); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want %q", err, tt.want)
			}
		})
	}
}

// One value without end is given up at its bound.
func TestReadBoundsAValue(t *testing.T) {
	t.Parallel()
	endless := io.MultiReader(strings.NewReader(`{"version": 3, "results": ["`), io.LimitReader(letters{}, 1<<30))
	f := evaluation.File{Name: "out.json", Open: func() (io.ReadCloser, error) { return io.NopCloser(endless), nil }}
	if _, err := promptfoo.Read(f, nil); err == nil || !strings.Contains(err.Error(), "one value of it is larger than 64 MiB") {
		t.Errorf("error is %v", err)
	}
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(good))
	f.Add([]byte(`{"version":3,"results":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := promptfoo.Read(file(string(text)), nil)
		if err == nil && len(e.Metrics) == 0 {
			t.Error("an evaluation without a metric")
		}
	})
}
