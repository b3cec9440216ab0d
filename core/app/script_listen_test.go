package app_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// listener is a place that gets messages. It keeps each request in a file, by
// its number, before it answers.
type listener struct {
	dir     string
	answers []string
	ended   chan struct{}

	mu  sync.Mutex
	got int
}

// listen NAME [ANSWER...] listens for HTTP and sets NAME to the address. Requests
// are kept as NAME/1, NAME/2 and so on. The answers are given in turn, the last
// one for all that follow: a status, a status and what Retry-After says, as in
// 429/1, hold, which answers never, and cut, which closes the connection.
func cmdListen(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: listen name [answer...]")
	}
	l := &listener{dir: ts.MkAbs(args[0]), answers: args[1:], ended: make(chan struct{})}
	ts.Check(os.MkdirAll(l.dir, 0o700))
	at, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	server := &http.Server{Handler: l}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(at) }) // it ends with Close
	ts.Defer(func() {
		close(l.ended)
		_ = server.Close()
		serving.Wait()
	})
	ts.Setenv(args[0], "http://"+at.Addr().String())
}

// ServeHTTP keeps the request and answers.
func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := l.keep(r)
	status, retry, _ := strings.Cut(answer, "/")
	switch status {
	case "hold":
		select {
		case <-l.ended:
		case <-r.Context().Done():
		}
	case "cut":
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close()
		}
	default:
		if retry != "" {
			w.Header().Set("Retry-After", retry)
		}
		code, err := strconv.Atoi(status)
		if err != nil {
			code = http.StatusTeapot
		}
		w.WriteHeader(code)
	}
}

func (l *listener) keep(r *http.Request) (answer string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.got++
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", r.Method, r.URL.RequestURI())
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range r.Header {
			if !yield(name) {
				return
			}
		}
	}) {
		fmt.Fprintf(&b, "%s: %s\n", name, r.Header.Get(name))
	}
	body, err := io.ReadAll(r.Body)
	fmt.Fprintf(&b, "\n%s\n", body)
	part := filepath.Join(l.dir, "part")
	if err == nil {
		err = os.WriteFile(part, []byte(b.String()), 0o600)
	}
	if err == nil {
		err = os.Rename(part, filepath.Join(l.dir, strconv.Itoa(l.got)))
	}
	if err != nil {
		return "500"
	}
	if len(l.answers) == 0 {
		return "200"
	}
	return l.answers[min(l.got, len(l.answers))-1]
}
