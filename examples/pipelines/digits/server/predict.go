package main

import (
	"encoding/json"
	"fmt"
	"net/http"

	"digits.example/dataset"
	"digits.example/network"
)

type question struct {
	Ink []float32 `json:"ink"`
}

type answer struct {
	Digit  int       `json:"digit"`
	Scores []float32 `json:"scores"`
}

func handler(net *network.Network, digest string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { reply(w, map[string]string{"model": digest}) })
	mux.HandleFunc("POST /predict", func(w http.ResponseWriter, r *http.Request) { predict(net, w, r) })
	return mux
}

func predict(net *network.Network, w http.ResponseWriter, r *http.Request) {
	var q question
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 16<<10)).Decode(&q); err != nil {
		http.Error(w, "the body is not the JSON of a question: "+err.Error(), http.StatusBadRequest)
		return
	}
	if len(q.Ink) != dataset.Pixels {
		http.Error(w, fmt.Sprintf("ink has %d values, and not %d", len(q.Ink), dataset.Pixels), http.StatusBadRequest)
		return
	}
	scores := net.Scores(q.Ink)
	reply(w, answer{Digit: network.Best(scores), Scores: scores})
}

func reply(w http.ResponseWriter, body any) {
	text, err := json.Marshal(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) // the client may have gone
}
