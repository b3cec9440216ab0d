package metrics_test

import (
	"math"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/metrics"
)

// FuzzParse holds the promises that the rest of the component relies on:
// finite values, unique sorted names, and nothing accepted from Tail that
// Parse then takes for something else.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"accuracy": 0.95, "loss": 0.1}`,
		`{"metrics": [{"name": "a", "value": 1, "samples": 3, "unit": "ms"}]}`,
		`{"a": NaN}`, `{"a": 1e999}`, "log\n{\"a\": -0}\n", `{"a": 1, "a": 2}`, `{"metrics": [[]]}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var tail metrics.Tail
		if _, err := tail.Write(data); err != nil {
			t.Fatal(err)
		}
		object, err := tail.Object()
		if err != nil {
			object = data
		}
		found, err := metrics.Parse(object)
		if err != nil {
			return
		}
		for i, m := range found {
			if math.IsNaN(m.Value) || math.IsInf(m.Value, 0) {
				t.Errorf("metric %q is %v", m.Name, m.Value)
			}
			if i > 0 && found[i-1].Name >= m.Name {
				t.Errorf("metric %q comes after %q", m.Name, found[i-1].Name)
			}
		}
	})
}
