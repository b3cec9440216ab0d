package main

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"digits.example/dataset"
	"digits.example/network"
)

func TestLoadRefusesAnotherModel(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "model.safetensors")
	if err := os.WriteFile(path, []byte("something else"), 0o600); err != nil {
		t.Fatal(err)
	}
	digest := "sha256:" + strings.Repeat("0", 64)
	if _, err := load(path, digest); err == nil || !strings.Contains(err.Error(), digest) {
		t.Errorf("error is %v", err)
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	net := network.New(dataset.Pixels, dataset.Classes, rand.New(rand.NewPCG(1, 2)))
	h := handler(net, "sha256:abc")
	ink := strings.TrimSuffix(strings.Repeat("1,", dataset.Pixels), ",")
	tests := map[string]struct {
		method, path, body string
		status             int
		want               string
	}{
		"healthy":   {http.MethodGet, "/healthz", "", 200, "ok"},
		"ready":     {http.MethodGet, "/readyz", "", 200, `{"model":"sha256:abc"}`},
		"predict":   {http.MethodPost, "/predict", `{"ink":[` + ink + `]}`, 200, `"digit":`},
		"no JSON":   {http.MethodPost, "/predict", "ink", 400, "not the JSON"},
		"too few":   {http.MethodPost, "/predict", `{"ink":[1]}`, 400, "ink has 1 values"},
		"too large": {http.MethodPost, "/predict", `{"ink":[` + strings.Repeat(ink+",", 1000) + `1]}`, 400, "too large"},
		"a GET":     {http.MethodGet, "/predict", "", 405, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, strings.NewReader(tt.body)))
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
				t.Errorf("answer is %d %q, want %d %q", w.Code, w.Body, tt.status, tt.want)
			}
		})
	}
}

func TestPredictSaysWhatTheNetworkSays(t *testing.T) {
	t.Parallel()
	net := network.New(dataset.Pixels, dataset.Classes, rand.New(rand.NewPCG(1, 2)))
	ink := make([]float32, dataset.Pixels)
	ink[10] = 16
	body, err := json.Marshal(question{Ink: ink})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler(net, "").ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/predict", strings.NewReader(string(body))))
	var got answer
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Digit != network.Best(net.Scores(ink)) || len(got.Scores) != dataset.Classes {
		t.Errorf("answer is %+v, want digit %d", got, network.Best(net.Scores(ink)))
	}
}
