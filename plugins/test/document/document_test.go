package document_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/test/document"
)

func parse(t *testing.T, text string) document.Value {
	t.Helper()
	v, err := document.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

const results = `{
  "results": {
    "arc_easy": {"acc,none": 0.75, "acc_stderr,none": "N/A", "loss,none": NaN, "worst,none": -Infinity},
    "a.b": {"c": {"d.e": true}}
  },
  "list": [1, {"x": 2e400}, "t\u0041\"b"]
}`

func TestFind(t *testing.T) {
	t.Parallel()
	v := parse(t, results)
	acc, ok := v.Find("results.arc_easy.acc,none")
	if f, err := acc.Float(); !ok || err != nil || f != 0.75 {
		t.Errorf("acc is %v, %v, %v", f, err, ok)
	}
	d, ok := v.Find("results.a.b.c.d.e")
	if text, err := d.Plain(); !ok || err != nil || text != "true" {
		t.Errorf("d is %q, %v, %v", text, err, ok)
	}
	if _, ok := v.Find("results.arc_easy.f1"); ok {
		t.Error("found what is not there")
	}
	list, _ := v.Get("list")
	for i, e := range list.Elements() {
		if i != 2 {
			continue
		}
		if text, err := e.Text(); err != nil || text != `tA"b` {
			t.Errorf("the string is %q, %v", text, err)
		}
	}
}

// Every error names the line and the value.
func TestErrorsSayWhere(t *testing.T) {
	t.Parallel()
	v := parse(t, results)
	for path, want := range map[string]string{
		"results.arc_easy.loss,none":       `line 3: results.arc_easy["loss,none"]: it is NaN; only a finite number can be judged`,
		"results.arc_easy.worst,none":      `line 3: results.arc_easy["worst,none"]: it is -Infinity; only a finite`,
		"results.arc_easy.acc_stderr,none": `line 3: results.arc_easy["acc_stderr,none"]: it is a string, not a number`,
		"list":                             `line 6: list: it is an array, not a number`,
	} {
		found, ok := v.Find(path)
		if !ok {
			t.Fatalf("there is no %s", path)
		}
		if _, err := found.Float(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error is %v, want %s", err, want)
		}
	}
	list, _ := v.Get("list")
	for _, e := range list.Elements() {
		if x, ok := e.Get("x"); ok {
			if _, err := x.Float(); err == nil || err.Error() != "line 6: list[1].x: it is 2e400, which no 64-bit number can hold" {
				t.Errorf("error is %v", err)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                             "there is no JSON",
		" \n ":                         "line 2: there is no JSON",
		"{\"a\": 1,\n \"a\": 2}":       `line 2: the name "a" is there twice`,
		`{"a": 1, "\u0061": 2}`:        `the name "a" is there twice`,
		`{"x": {"b": 1, "b": 1}}`:      `the name "b" is there twice`,
		`{"a": 1} {}`:                  "more text after",
		`{"a": `:                       "ends in the middle",
		`{"a"`:                         "colon",
		`{a: 1}`:                       "not a string",
		`[1, ]`:                        "not valid JSON",
		`[1 2]`:                        "comma",
		`01`:                           "more text after",
		`-`:                            "no digits",
		`1.`:                           "ends in a point",
		`1e`:                           "exponent",
		`nan`:                          "not valid JSON",
		`"\x"`:                         "escape",
		"\"a\nb\"":                     "control character",
		"\"a":                          "ends in the middle of a string",
		"{\"a\": \"\xff\"}":            "not UTF-8",
		strings.Repeat("[", 100_000):   "nested too deeply",
		strings.Repeat(`{"a":`, 5_000): "nested too deeply",
	} {
		if _, err := document.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: error is %v, want %q", text, err, want)
		}
	}
}

func TestLines(t *testing.T) {
	t.Parallel()
	long := `{"n": 2, "x": "` + strings.Repeat("x", 200_000) + `"}`
	var numbers []int
	var sum float64
	err := document.Lines(strings.NewReader("{\"n\": 1}\r\n\n"+long+"\n{\"n\": 3}"), func(number int, v document.Value) error {
		n, _ := v.Get("n")
		f, err := n.Float()
		numbers, sum = append(numbers, number), sum+f
		return err
	})
	if err != nil || len(numbers) != 3 || numbers[2] != 4 || sum != 6 {
		t.Errorf("lines %v with sum %g, %v", numbers, sum, err)
	}
	err = document.Lines(strings.NewReader("{\"n\": 1}\n{\"n\": NaN}\n"), func(_ int, v document.Value) error {
		n, _ := v.Get("n")
		_, err := n.Float()
		return err
	})
	if err == nil || !strings.HasPrefix(err.Error(), "line 2: n: it is NaN") {
		t.Errorf("error is %v", err)
	}
}

// A line without end is given up at its bound, and not held.
func TestLinesBoundsALine(t *testing.T) {
	t.Parallel()
	endless := io.LimitReader(zeros{}, 1<<30)
	err := document.Lines(endless, func(int, document.Value) error { return errors.New("no line was there") })
	if err == nil || !strings.Contains(err.Error(), "longer than 16 MiB") {
		t.Errorf("error is %v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("0"), len(p))), nil }

// FuzzParse holds the scanner to encoding/json: what one takes the other takes
// as well, but for NaN and Infinity, names that are there twice, and depth; and
// walking a sound document neither fails nor leaves it.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{results, `{}`, `[]`, `[[],{}]`, `{"a":{"b":[1,-0.5e-7,"\ud83d\ude00"]}}`, `[NaN,-Infinity]`, `{"a":1,"a":2}`, " 3 "} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		v, err := document.Parse(text)
		if err != nil {
			if json.Valid(text) && !forgiven(err) {
				t.Errorf("refuses %q: %v", text, err)
			}
			return
		}
		if !json.Valid(text) && !bytes.Contains(text, []byte("NaN")) && !bytes.Contains(text, []byte("Infinity")) {
			t.Errorf("accepts %q", text)
		}
		walk(t, v)
	})
}

func forgiven(err error) bool {
	for _, word := range []string{"twice", "nested", "UTF-8"} {
		if strings.Contains(err.Error(), word) {
			return true
		}
	}
	return false
}

func walk(t *testing.T, v document.Value) {
	if !bytes.Contains(v.Raw(), []byte("NaN")) && !bytes.Contains(v.Raw(), []byte("Infinity")) && !json.Valid(v.Raw()) {
		t.Errorf("the value at %s is %q", v.Path(), v.Raw())
	}
	_, _ = v.Float()
	for name, child := range v.Members() {
		if again, ok := v.Get(name); !ok || !bytes.Equal(again.Raw(), child.Raw()) {
			t.Errorf("%q is not found again", name)
		}
		walk(t, child)
	}
	for _, child := range v.Elements() {
		walk(t, child)
	}
}
