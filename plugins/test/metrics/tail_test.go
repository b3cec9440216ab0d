package metrics_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/metrics"
)

func TestTailObject(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ out, want string }{
		"alone":            {`{"a":1}`, `{"a":1}`},
		"after text":       {"loading\n{oops}\n{'a': 2}\n{\"a\":1}\n", `{"a":1}`},
		"before text":      {"{\"a\":1}\ndone in 3s\n", `{"a":1}`},
		"the last of many": {"{\"a\":1}\n{\"a\":2}\n", `{"a":2}`},
		"over many lines":  {"{\n  \"metrics\": [\n    {\"name\":\"a\",\"value\":1}\n  ]\n}\n", "{\n  \"metrics\": [\n    {\"name\":\"a\",\"value\":1}\n  ]\n}"},
		"not indented":     {"{\n\"metrics\": [\n{\"name\":\"a\",\"value\":1}\n]\n}\n", "{\n\"metrics\": [\n{\"name\":\"a\",\"value\":1}\n]\n}"},
		"after a flood":    {strings.Repeat("log line\n", 700_000) + "{\"a\":1}\n", `{"a":1}`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tail metrics.Tail
			// Odd chunks: an object may be split anywhere.
			if _, err := io.CopyBuffer(struct{ io.Writer }{&tail}, strings.NewReader(tt.out), make([]byte, 7919)); err != nil {
				t.Fatal(err)
			}
			got, err := tail.Object()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != tt.want {
				t.Errorf("object is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestTailRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ out, want string }{
		"nothing":           {"", "no line of the output begins a JSON object"},
		"text":              {"accuracy = 0.95\n", "no line of the output"},
		"inside a line":     {`result: {"a":1}`, "no line of the output"},
		"cut off":           {`{"a": 0.`, "ends in the middle"},
		"broken after good": {"{\"a\":1}\n{\"a\": NaN}\n", "NaN"},
		"too far back":      {"{\"a\":1}\n" + strings.Repeat("log line\n", 300_000), "in its last 1048576 bytes"},
		"unfinished":        {strings.Repeat("{\"a\":\n", 100_000), "too many JSON objects that are not finished"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var tail metrics.Tail
			if _, err := io.WriteString(&tail, tt.out); err != nil {
				t.Fatal(err)
			}
			got, err := tail.Object()
			if err == nil {
				t.Fatalf("Object accepted it: %s", got)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error %q does not say %q", err, tt.want)
			}
		})
	}
}

func TestTailNone(t *testing.T) {
	t.Parallel()
	var tail metrics.Tail
	if _, err := tail.Object(); !errors.Is(err, metrics.ErrNone) {
		t.Errorf("error is %v, want ErrNone", err)
	}
}
