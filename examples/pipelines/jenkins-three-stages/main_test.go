package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestSelfTest(t *testing.T) {
	t.Parallel()
	if err := testYourself(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestServeEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	if err := serve(ctx, "127.0.0.1:0", func(string) error { stop(); return nil }); err != nil {
		t.Error(err)
	}
}

func TestHandlerKnowsItsPaths(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/a/b", nil))
	if w.Code != http.StatusNotFound {
		t.Errorf("status is %d", w.Code)
	}
}
