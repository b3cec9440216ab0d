package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"digits.example/dataset"
)

// always answers one digit, whatever it is asked.
func always(t *testing.T, digest string, digit int) string {
	t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"model":%q}`, digest) })
	mux.HandleFunc("POST /predict", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintf(w, `{"digit":%d}`, digit) })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s.URL
}

func TestAskMeasures(t *testing.T) {
	t.Parallel()
	rows := []dataset.Row{{Digit: 3}, {Digit: 3}, {Digit: 3}, {Digit: 4}}
	got, err := ask(t.Context(), always(t, "sha256:a", 3), "sha256:a", rows)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := got.print(&out); err != nil {
		t.Fatal(err)
	}
	var printed struct{ Metrics []metric }
	if err := json.Unmarshal(out.Bytes(), &printed); err != nil {
		t.Fatal(err)
	}
	want := []metric{{"accuracy", 0.75, 4}, {"recall_3", 1, 3}, {"recall_4", 0, 1}}
	if got := []metric{printed.Metrics[0], printed.Metrics[4], printed.Metrics[5]}; !slices.Equal(got, want) {
		t.Errorf("metrics are %v, want %v", got, want)
	}
}

func TestAskKeepsEachRow(t *testing.T) {
	t.Parallel()
	got, err := ask(t.Context(), always(t, "sha256:a", 3), "sha256:a", []dataset.Row{{Digit: 3}, {Digit: 4}})
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "out/samples.jsonl")
	if err := got.write(name); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(name)
	want := `{"id":"row-0","accuracy":true,"digit":3}` + "\n" + `{"id":"row-1","accuracy":false,"digit":4}` + "\n"
	if err != nil || string(text) != want {
		t.Errorf("samples are %q, %v", text, err)
	}
}

func TestAskRefusesAnotherModel(t *testing.T) {
	t.Parallel()
	_, err := ask(t.Context(), always(t, "sha256:b", 3), "sha256:a", []dataset.Row{{Digit: 3}})
	if err == nil || !strings.Contains(err.Error(), "serves sha256:b") {
		t.Errorf("error is %v", err)
	}
}

func TestServerThatDoesNotStart(t *testing.T) {
	t.Parallel()
	_, err := withServer(t.Context(), []string{"false"}, nil)
	if err == nil || !strings.Contains(err.Error(), "did not start") {
		t.Errorf("error is %v", err)
	}
}
