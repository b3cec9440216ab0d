package oci

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"sync"
	"time"
)

// connectionBuffer is what a connection reads and writes at once.
const connectionBuffer = 256 << 10

// newTransport is a transport of its own: connections end with the push.
func newTransport(ca []byte) (*http.Transport, error) {
	base, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the default HTTP transport was replaced")
	}
	transport := base.Clone()
	transport.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	// Idle connections would outlive the stage, of which there may be many.
	transport.IdleConnTimeout = 10 * time.Second
	// The default of 4 KiB costs a system call for each.
	transport.WriteBufferSize, transport.ReadBufferSize = connectionBuffer, connectionBuffer
	// Blobs do not compress, and their digest is that of what is stored.
	transport.DisableCompression = true
	// One connection for each layer: over HTTP/2 all of them would share one.
	transport.ForceAttemptHTTP2 = false
	transport.TLSNextProto = make(map[string]func(string, *tls.Conn) http.RoundTripper)
	if len(ca) > 0 {
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(ca) {
			return nil, errors.New("the CA file holds no PEM certificate")
		}
		transport.TLSClientConfig.RootCAs = pool
	}
	return transport, nil
}

// observer sees over which connections a push went.
type observer struct {
	base http.RoundTripper

	mu     sync.Mutex
	seen   bool
	clear  bool   // some answer came over a connection without TLS
	lowest uint16 // TLS version
}

// RoundTrip passes a request on and looks at the connection of its answer.
func (o *observer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := o.base.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if resp.TLS == nil || len(resp.TLS.VerifiedChains) == 0 {
		o.clear = true
	} else if !o.seen || resp.TLS.Version < o.lowest {
		o.lowest = resp.TLS.Version
	}
	o.seen = true
	return resp, nil
}

// version is "1.2", "1.3", "none", or empty when nothing was sent.
func (o *observer) version() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case !o.seen:
		return ""
	case o.clear:
		return "none"
	case o.lowest == tls.VersionTLS13:
		return "1.3"
	case o.lowest == tls.VersionTLS12:
		return "1.2"
	default:
		return tls.VersionName(o.lowest)
	}
}
