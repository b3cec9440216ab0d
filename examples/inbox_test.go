package examples

import (
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"
)

// inbox NAME listens for HTTP, sets NAME to the address, and appends whatever
// comes to the file NAME in the script's folder.
func inbox(ts *testscript.TestScript, _ bool, args []string) {
	path := filepath.Join(ts.Getenv("WORK"), args[0])
	at, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	var mu sync.Mutex
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err == nil {
			_, err = f.ReadFrom(http.MaxBytesReader(w, r.Body, 1<<20))
			_, _ = f.WriteString("\n")
			_ = f.Close()
		}
		if err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(at) }) // it ends with Close
	ts.Defer(func() {
		_ = server.Close()
		_ = at.Close()
		serving.Wait()
	})
	ts.Setenv(args[0], "http://"+at.Addr().String())
}
