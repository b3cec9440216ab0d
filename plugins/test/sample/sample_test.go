package sample_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/sample"
)

func table(t *testing.T, rows ...string) *sample.Table {
	t.Helper()
	out, err := sample.NewTable([]string{"acc"}, []string{"topic"}, sample.NewLimit())
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range rows {
		var name, topic string
		var value float64
		if _, err := fmt.Sscan(row, &name, &value, &topic); err != nil {
			t.Fatal(err)
		}
		if err := out.Add(sample.KeyOf("task", name), []float64{value}, []string{topic}); err != nil {
			t.Fatal(err)
		}
	}
	out.Seal()
	return out
}

func series(t *testing.T, rows ...string) sample.Series {
	t.Helper()
	s, ok := table(t, rows...).Series("acc")
	if !ok {
		t.Fatal("there is no series")
	}
	return s
}

// Whatever order files have, the same items stand at the same place, those
// that are there twice as well.
func TestPairIgnoresOrder(t *testing.T) {
	t.Parallel()
	a := series(t, "x 1 p", "y 2 q", "z 3 p", "y 4 q")
	b := series(t, "z 30 p", "y 20 q", "y 40 q", "x 10 p")
	if err := sample.Pair(a, b); err != nil {
		t.Fatal(err)
	}
	for i := range a.Values {
		if b.Values[i] != 10*a.Values[i] {
			t.Errorf("values are %v and %v", a.Values, b.Values)
		}
	}
	if a.Mean() != 2.5 || a.Binary() || !series(t, "x 1 p", "y 0 p").Binary() {
		t.Errorf("the mean of %v is %g", a.Values, a.Mean())
	}
}

func TestPairRefusesOtherItems(t *testing.T) {
	t.Parallel()
	err := sample.Pair(series(t, "x 1 p", "y 1 p", "y 1 p"), series(t, "y 1 p", "w 1 p", "v 1 p"))
	unpaired, ok := errors.AsType[*sample.UnpairedError](err)
	if !ok || *unpaired != (sample.UnpairedError{Pairs: 1, OnlyCandidate: 2, OnlyBaseline: 2}) {
		t.Errorf("error is %v", err)
	}
}

func TestSlicesAndPool(t *testing.T) {
	t.Parallel()
	pooled := sample.Pool([]sample.Series{series(t, "x 1 q", "y 2 p"), series(t, "z 4 q")})
	slices, ok := pooled.Slices("topic")
	if !ok || len(slices) != 2 || slices[0].Name != "p" || len(slices[1].At) != 2 {
		t.Fatalf("slices are %+v", slices)
	}
	sum := 0.0
	for _, at := range slices[1].At {
		sum += pooled.Values[at]
	}
	if sum != 5 {
		t.Errorf("the values of q add up to %g", sum)
	}
	if _, ok := pooled.Groups("colour"); ok {
		t.Error("there are groups by a label that nobody gave")
	}
}

func TestEncode(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	in := []*sample.Table{table(t, "x 1 p", "y 0.1 q\"<"), table(t), table(t, "z -2e-9 p")}
	if err := sample.Encode(&out, in); err != nil {
		t.Fatal(err)
	}
	tables, err := sample.Decode(bytes.NewReader(out.Bytes()))
	if err != nil {
		t.Fatal(err)
	}
	var again bytes.Buffer
	if err := sample.Encode(&again, tables); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(out.String(), again.String()); diff != "" {
		t.Errorf("samples (-first +second):\n%s", diff)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	const head = `{"metrics":["acc"],"labels":["l"],"items":1}` + "\n"
	key := `"` + strings.Repeat("ab", 16) + `"`
	for text, want := range map[string]string{
		head:                             "ends 1 items too early",
		"[" + key + ",1]":                "belongs to no table",
		head + "[" + key + ",1]":         "line 2: it has 1 values and 0 labels",
		head + "[" + key + `,NaN,"x"]`:   "line 2: [1]: it is NaN",
		head + `["ab",1,"x"]`:            "not the key",
		head + "[" + key + `,"1","x"]`:   "it is a string, not a number",
		head + head:                      "before the one before it has ended",
		`{"metrics":1}`:                  "does not begin a table",
		head + "[" + key + `,1,"x","y"]`: "2 labels",
	} {
		if _, err := sample.Decode(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: error is %v, want %q", text, err, want)
		}
	}
}

func TestTableRefuses(t *testing.T) {
	t.Parallel()
	out, err := sample.NewTable([]string{"acc"}, []string{"topic"}, sample.NewLimit())
	if err != nil {
		t.Fatal(err)
	}
	if err := out.Add(sample.Key{}, []float64{math.NaN()}, []string{"x"}); err == nil || !strings.Contains(err.Error(), "finite") {
		t.Errorf("NaN: %v", err)
	}
	if err := out.Add(sample.Key{}, []float64{1}, []string{strings.Repeat("x", 300)}); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a long label: %v", err)
	}
}

// A million items take some tens of megabytes, and one too many is an error.
func TestTableIsBounded(t *testing.T) {
	t.Parallel()
	out, err := sample.NewTable([]string{"acc"}, []string{"topic"}, sample.NewLimit())
	if err != nil {
		t.Fatal(err)
	}
	value, label := []float64{1}, []string{"x"}
	for i := range sample.MaxItems {
		if err := out.Add(sample.Key{byte(i), byte(i >> 8), byte(i >> 16)}, value, label); err != nil {
			t.Fatal(err)
		}
	}
	if err := out.Add(sample.Key{}, value, label); err == nil || !strings.Contains(err.Error(), "more than 2000000 items") {
		t.Errorf("one item too many: %v", err)
	}
	out.Seal()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 200<<20 {
		t.Errorf("%d MiB are held", m.HeapAlloc>>20)
	}
	runtime.KeepAlive(out)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte("{\"metrics\":[\"acc\"],\"labels\":[\"l\"],\"items\":1}\n[\"" + strings.Repeat("0", 32) + "\",0.5,\"x\"]\n"))
	f.Add([]byte("{\"metrics\":[],\"labels\":[],\"items\":0}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		tables, err := sample.Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		var out bytes.Buffer
		if err := sample.Encode(&out, tables); err != nil {
			t.Fatal(err)
		}
		if _, err := sample.Decode(bytes.NewReader(out.Bytes())); err != nil {
			t.Errorf("what was encoded is not read: %v", err)
		}
	})
}
