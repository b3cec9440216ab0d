package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxMessage bounds what one request may hold.
const maxMessage = 64 << 10

// serve answers until it is told to end: POST /spam says "spam" or "fine".
func serve(ctx context.Context, address, model, digest string) error {
	f, err := read(model, digest)
	if err != nil {
		return err
	}
	server := &http.Server{Addr: address, Handler: handler(f), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second}
	drained := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		drained <- server.Shutdown(grace)
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-drained
}

func handler(f *Filter) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ready") })
	mux.HandleFunc("POST /spam", func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
		if err != nil {
			http.Error(w, "the message is too long", http.StatusRequestEntityTooLarge)
			return
		}
		if f.Spam(string(text)) {
			fmt.Fprintln(w, "spam")
			return
		}
		fmt.Fprintln(w, "fine")
	})
	return mux
}
