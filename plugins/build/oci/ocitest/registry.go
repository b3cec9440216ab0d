// Package ocitest runs registries in the process of a test and reads back what
// was stored. Only tests import it.
package ocitest

import (
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
)

// Registry is a registry that ends with the test.
type Registry struct {
	Host   string // host:port on loopback
	CAFile string // PEM; empty without TLS
	CA     []byte
	client *http.Client
	scheme string
}

// Wrap changes how a registry behaves; nil changes nothing.
type Wrap func(next http.Handler) http.Handler

// StartTLS starts a registry with a certificate of its own authority.
func StartTLS(t testing.TB, wrap Wrap) Registry {
	t.Helper()
	server := httptest.NewTLSServer(handler(t, wrap))
	t.Cleanup(server.Close)
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	return Registry{Host: server.Listener.Addr().String(), CAFile: file, CA: ca, client: server.Client(), scheme: "https"}
}

// StartPlain starts a registry without TLS.
func StartPlain(t testing.TB, wrap Wrap) Registry {
	t.Helper()
	server := httptest.NewServer(handler(t, wrap))
	t.Cleanup(server.Close)
	return Registry{Host: server.Listener.Addr().String(), client: server.Client(), scheme: "http"}
}

// StartReferrers starts a registry without TLS that has an API for referrers,
// which the others lack.
func StartReferrers(t testing.TB) Registry {
	t.Helper()
	server := httptest.NewServer(handler(t, nil, registry.WithReferrersSupport(true)))
	t.Cleanup(server.Close)
	return Registry{Host: server.Listener.Addr().String(), client: server.Client(), scheme: "http"}
}

// Serve makes a registry of a handler, without TLS.
func Serve(t testing.TB, h http.Handler) Registry {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Start()
	t.Cleanup(server.Close)
	return Registry{Host: server.Listener.Addr().String(), client: server.Client(), scheme: "http"}
}

func handler(t testing.TB, wrap Wrap, more ...registry.Option) http.Handler {
	t.Helper()
	// On disk: the memory of a test would otherwise hold what is pushed.
	options := append(more, registry.Logger(log.New(io.Discard, "", 0)),
		registry.WithBlobHandler(registry.NewDiskBlobHandler(t.TempDir())))
	h := registry.New(options...)
	if wrap != nil {
		h = wrap(h)
	}
	return h
}

// Get fetches a path below /v2/ and returns its status and body.
func (r Registry) Get(t testing.TB, path string) (int, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.scheme+"://"+r.Host+"/v2/"+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, body
}

// Blob reads a blob of a layout.
func Blob(t testing.TB, layout, digest string) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(layout, "blobs", strings.Replace(digest, ":", "/", 1)))
	if err != nil {
		t.Fatal(err)
	}
	return content
}
