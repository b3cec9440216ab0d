// Command server loads the classifier and answers predictions over HTTP:
//
//	POST /predict   {"ink": [64 numbers from 0 to 16]} → {"digit": 3, "scores": […]}
//	GET  /readyz    {"model": "sha256:…"}
//	GET  /healthz   ok
//
// It serves the model that it was told to serve and no other: the file's
// digest must be the one that the release names.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"digits.example/dataset"
	"digits.example/network"
)

const maxModel = 64 << 20

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	model := flag.String("model", "out/model.safetensors", "the model")
	digest := flag.String("digest", "", "digest that the model must have")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *listen, *model, *digest); err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, listen, model, digest string) error {
	net, err := load(model, digest)
	if err != nil {
		return err
	}
	return serve(ctx, listen, handler(net, digest))
}

// load reads the model and refuses any other than the one expected.
func load(path, digest string) (*network.Network, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	defer f.Close()
	file, err := io.ReadAll(io.LimitReader(f, maxModel))
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	sum := sha256.Sum256(file)
	if got := "sha256:" + hex.EncodeToString(sum[:]); got != digest {
		return nil, fmt.Errorf("load %s: its digest is %s, and %q was asked for", path, got, digest)
	}
	return network.Decode(file, dataset.Pixels, dataset.Classes)
}

// serve answers requests until ctx ends, and then those under way.
func serve(ctx context.Context, address string, h http.Handler) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	fmt.Printf("listening on %s\n", listener.Addr())
	server := &http.Server{Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, MaxHeaderBytes: 16 << 10}
	drained := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		drained <- server.Shutdown(grace)
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-drained
}
