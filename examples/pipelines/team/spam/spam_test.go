package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSealedMessagesOpenWithTheirKeyAlone(t *testing.T) {
	sealed, err := Seal([]byte("spam win a prize\nfine see you at lunch\n"), "key")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "sealed")
	if err := os.WriteFile(path, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	messages, err := load(path, "key")
	if err != nil || len(messages) != 2 || !messages[0].Spam || messages[1].Text != "see you at lunch" {
		t.Errorf("opened: %v, %v", messages, err)
	}
	for _, key := range []string{"", "another"} {
		if _, err := load(path, key); err == nil {
			t.Errorf("opened with key %q", key)
		}
	}
}

func TestFilterLearnsAndIsServed(t *testing.T) {
	var f Filter
	for range 10 {
		f.Learn(Message{Spam: true, Text: "Win a free prize!"})
		f.Learn(Message{Text: "See you at lunch."})
	}
	path := filepath.Join(t.TempDir(), "model")
	if err := os.WriteFile(path, f.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := read(path, "sha256:0"); err == nil {
		t.Error("another model than the one that is meant was read")
	}
	again, err := read(path, "")
	if err != nil || *again != f {
		t.Fatalf("read again: %v", err)
	}
	for text, want := range map[string]string{"a free prize": "spam", "lunch?": "fine"} {
		answer := httptest.NewRecorder()
		handler(again).ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/spam", strings.NewReader(text)))
		if got := strings.TrimSpace(answer.Body.String()); got != want {
			t.Errorf("%q is %s; want %s", text, got, want)
		}
	}
}
