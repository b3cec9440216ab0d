package metrics_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/sdk"
)

func TestParse(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		in   string
		want []sdk.Metric
	}{
		"short form, sorted": {
			in:   `{"loss": 2.5e-1, "accuracy": 0.95}`,
			want: []sdk.Metric{{Name: "accuracy", Value: 0.95}, {Name: "loss", Value: 0.25}},
		},
		"long form": {
			in:   ` {"metrics": [{"name": "latency", "value": 12, "unit": "ms", "samples": 450}]} `,
			want: []sdk.Metric{{Name: "latency", Value: 12, Unit: "ms", Samples: 450}},
		},
		"a metric of the name metrics": {
			in:   `{"metrics": 3}`,
			want: []sdk.Metric{{Name: "metrics", Value: 3}},
		},
		"a name that is not ASCII": {
			in:   `{"größe": -1}`,
			want: []sdk.Metric{{Name: "größe", Value: -1}},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := metrics.Parse([]byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("metrics (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ in, want string }{
		"nothing":          {"  ", "there is nothing in it"},
		"text":             {"accuracy 0.95", "not valid JSON at byte 1"},
		"cut off":          {`{"accuracy": 0.9`, "ends in the middle"},
		"two values":       {`{"a": 1} {"a": 2}`, "followed by more text"},
		"array":            {`[1, 2]`, "not a JSON object"},
		"no metric":        {`{}`, "holds no metric"},
		"empty list":       {`{"metrics": []}`, "holds no metric"},
		"NaN":              {`{"accuracy": NaN}`, "a value is NaN at byte 14"},
		"Infinity":         {`{"loss": Infinity}`, "a value is Infinity"},
		"minus Infinity":   {`{"loss": -Infinity}`, "a value is Infinity"},
		"too great":        {`{"loss": 1e400}`, `"loss" is 1e400, which no 64-bit number can hold`},
		"string":           {`{"accuracy": "0.95"}`, `"accuracy" is a string; a metric is a number`},
		"null":             {`{"accuracy": null}`, `"accuracy" is null`},
		"boolean":          {`{"accuracy": true}`, `"accuracy" is a boolean`},
		"object":           {`{"accuracy": {"value": 1}}`, `"accuracy" is an object`},
		"array of numbers": {`{"accuracy": [1]}`, `"accuracy" is an array`},
		"twice":            {`{"a": 0.1, "a": 0.9}`, `metric "a" is there twice`},
		"twice in a list":  {`{"metrics": [{"name":"a","value":1},{"name":"a","value":2}]}`, `metric "a" is there twice`},
		"both forms":       {`{"metrics": [{"name":"a","value":1}], "b": 1}`, "use one form"},
		"both, other way":  {`{"b": 1, "metrics": [{"name":"a","value":1}]}`, "use one form"},
		"no value":         {`{"metrics": [{"name":"a"}]}`, `entry 1 of "metrics": name and value are required`},
		"value twice":      {`{"metrics": [{"name":"a","value":1,"value":2}]}`, `"value" is there twice`},
		"unknown field":    {`{"metrics": [{"name":"a","value":1,"vlaue":2}]}`, `"vlaue" is not known`},
		"list of numbers":  {`{"metrics": [1]}`, `entry 1 of "metrics" is not an object`},
		"half a sample":    {`{"metrics": [{"name":"a","value":1,"samples":1.5}]}`, `"samples" is 1.5`},
		"name is a number": {`{"metrics": [{"name":1,"value":1}]}`, `"name" is a number; it is a string`},
		"empty name":       {`{"": 1}`, "empty name"},
		"control name":     {`{"a\u001b[31m": 1}`, "cannot be printed"},
		"long name":        {`{"` + strings.Repeat("n", 300) + `": 1}`, "longer than 200 bytes"},
		"too deep":         {`{"a": ` + strings.Repeat("[", 20_000) + strings.Repeat("]", 20_000) + `}`, "exceeded max depth"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := metrics.Parse([]byte(tt.in))
			if err == nil {
				t.Fatalf("Parse accepted it: %v", got)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

func TestParseBounds(t *testing.T) {
	t.Parallel()
	var rows strings.Builder
	rows.WriteString(`{"m0": 0`)
	for i := 1; i <= metrics.MaxCount; i++ {
		fmt.Fprintf(&rows, `, "m%d": %d`, i, i)
	}
	rows.WriteString("}")
	if _, err := metrics.Parse([]byte(rows.String())); err == nil || !strings.Contains(err.Error(), "more than 1000 metrics") {
		t.Errorf("one metric too many: %v", err)
	}
	large := make([]byte, metrics.MaxBytes+1)
	if _, err := metrics.Parse(large); err == nil || !strings.Contains(err.Error(), "at most") {
		t.Errorf("one byte too many: %v", err)
	}
}
