// Command hello greets over HTTP. With --self-test it asks itself, so that the
// image can be tested as it will run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	selfTest := flag.Bool("self-test", false, "serve on a free port, ask, and exit")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var err error
	if *selfTest {
		err = testYourself(ctx)
	} else {
		err = serve(ctx, *listen, func(string) error { return nil })
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "hello:", err)
		os.Exit(1)
	}
}

func handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /{name}", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "hello, %s\n", r.PathValue("name")) })
	return mux
}

// serve answers until ctx ends. It calls started with its address first, and
// ends early when that fails.
func serve(ctx context.Context, address string, started func(address string) error) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	err = started(listener.Addr().String())
	if err == nil {
		select {
		case <-ctx.Done():
		case err = <-ended:
			return err
		}
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, server.Shutdown(grace))
}

// testYourself checks that the greeting comes over the network, in whatever
// image and as whatever user this runs.
func testYourself(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	return serve(ctx, "127.0.0.1:0", func(address string) error {
		defer stop()
		for path, want := range map[string]string{"/readyz": "ok\n", "/world": "hello, world\n"} {
			got, err := get(ctx, "http://"+address+path)
			if err != nil {
				return err
			}
			if got != want {
				return fmt.Errorf("%s answers %q, and not %q", path, got, want)
			}
			fmt.Printf("%s: %s\n", path, strings.TrimSpace(got))
		}
		return nil
	})
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 4096))
	return string(body), err
}
