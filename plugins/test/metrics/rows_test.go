package metrics_test

import (
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/evaluation"
	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/sdk"
)

const rows = `{"id": "r1", "accuracy": true, "latency": 12.5, "digit": 3}
{"id": 2, "digit": 5, "accuracy": 0, "latency": 7}
`

func readRows(text string) (evaluation.Evaluation, error) {
	f := evaluation.File{Name: "rows.jsonl", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}
	var e evaluation.Evaluation
	for _, name := range []string{"accuracy", "latency", "size"} {
		if err := e.Add(evaluation.Metric{Name: name}); err != nil {
			return e, err
		}
	}
	table, err := metrics.Rows(f, []sdk.Metric{{Name: "accuracy"}, {Name: "latency"}, {Name: "size"}}, []string{"digit"})
	if err == nil {
		e.Tables = append(e.Tables, table)
	}
	return e, err
}

func TestRows(t *testing.T) {
	t.Parallel()
	e, err := readRows(rows)
	if err != nil {
		t.Fatal(err)
	}
	accuracy, ok := e.Series("accuracy")
	if !ok || !accuracy.Binary() || accuracy.Mean() != 0.5 {
		t.Errorf("accuracy is %+v", accuracy)
	}
	digits, ok := accuracy.Slices("digit")
	if !ok || len(digits) != 2 || digits[0].Name != "3" {
		t.Errorf("slices are %+v", digits)
	}
	if latency, _ := e.Series("latency"); latency.Mean() != 9.75 {
		t.Errorf("latency is %+v", latency)
	}
	if _, ok := e.Series("size"); ok {
		t.Error("a metric without rows has items")
	}
}

func TestRowsRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                                   "read rows.jsonl: it holds no row",
		"[]":                                 "line 1: it is an array; a row is an object",
		`{"id": "a", "digit": 1}`:            "no member that is named as a metric",
		`{"accuracy": 1, "digit": 1}`:        `line 1: it has no "id"`,
		`{"id": "a", "accuracy": 1}`:         `line 1: it has no "digit"`,
		rows + `{"id": 1, "accuracy": 1}`:    `line 3: it has no "latency"`,
		strings.Replace(rows, "7", "NaN", 1): "line 2: latency: it is NaN",
		strings.Replace(rows, "7", `"7"`, 1): "line 2: latency: it is a string",
		strings.Replace(rows, "7", "1e99", 1) + "{\"id\":": "line 3: the text ends in the middle",
		`{"id": [], "accuracy": 1, "digit": 1}`:            "id: it is an array",
	} {
		if _, err := readRows(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", text, err, want)
		}
	}
}

// FuzzRows holds what pairing relies on: as many values as rows, all finite.
func FuzzRows(f *testing.F) {
	f.Add(rows)
	f.Add(`{"id": true, "accuracy": -0.0e-9, "digit": "\u00e4"}`)
	f.Add("{\"id\":1,\"accuracy\":NaN,\"digit\":1}\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := readRows(text)
		if err != nil {
			return
		}
		for _, name := range e.Tables[0].Metrics {
			s, _ := e.Series(name)
			if s.Len() != e.Tables[0].Len() || math.IsNaN(s.Mean()) {
				t.Errorf("%d rows have %d values of %s with mean %v", e.Tables[0].Len(), s.Len(), name, s.Mean())
			}
			if groups, ok := s.Groups("digit"); !ok || len(groups) != s.Len() {
				t.Errorf("%d rows have %d labels", s.Len(), len(groups))
			}
		}
	})
}
