package endpoint

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/stagegate/stagegate/plugins/test/load"
)

// Target is what is asked of a server.
type Target struct {
	Method, URL string
	Header      http.Header
	Bodies      [][]byte // taken in turn; none sends no body
	Timeout     time.Duration
	Expect      Expect
	MaxBody     int64 // bytes of an answer
	Events      bool  // the answer is a stream of server-sent events
	Redirects   bool  // followed, as long as they lead to the same server
	TLS         *tls.Config
	Connections int // that are kept for the next request
}

// Sender sends requests. Close it.
type Sender struct {
	target Target
	client *http.Client
	pool   *http.Transport
}

// maxHeader bounds the header of an answer.
const maxHeader = 256 << 10

// New is a sender with connections of its own. It knows no proxy: it speaks to the
// server that the URL names, or to nobody.
func New(t Target) *Sender {
	pool := &http.Transport{
		DialContext:     (&net.Dialer{Timeout: t.Timeout, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig: t.TLS, TLSHandshakeTimeout: t.Timeout, ForceAttemptHTTP2: true,
		MaxIdleConns: t.Connections, MaxIdleConnsPerHost: t.Connections, IdleConnTimeout: time.Minute,
		// What is measured is what the server sent, and nothing grows when it is unpacked.
		DisableCompression: true, MaxResponseHeaderBytes: maxHeader,
	}
	s := &Sender{target: t, pool: pool}
	s.client = &http.Client{Transport: pool, CheckRedirect: s.redirect}
	return s
}

// Close ends the connections that are kept.
func (s *Sender) Close() { s.pool.CloseIdleConnections() }

// maxRedirects is how many are followed.
const maxRedirects = 10

// redirect keeps requests with what they carry on the server that they are for.
func (s *Sender) redirect(next *http.Request, before []*http.Request) error {
	first := before[0].URL
	switch {
	case !s.target.Redirects:
		return http.ErrUseLastResponse
	case next.URL.Scheme != first.Scheme || next.URL.Host != first.Host:
		return fault(fmt.Sprintf("%s%.100s", elsewhere, next.URL.Scheme+"://"+next.URL.Host))
	case len(before) >= maxRedirects:
		return errEndless
	}
	return nil
}

// Send sends request number n.
func (s *Sender) Send(ctx context.Context, n int64) load.Outcome {
	within, cancel := context.WithTimeoutCause(ctx, s.target.Timeout, errTimeout)
	defer cancel()
	w := watch{begin: time.Now()}
	err := s.exchange(within, n, &w)
	o := w.outcome(time.Since(w.begin))
	if err != nil {
		o.TimedOut = ctx.Err() == nil && late(within, err)
		o.Reason = reason(within, err, s.target.Timeout)
	}
	return o
}

func (s *Sender) exchange(ctx context.Context, n int64, w *watch) error {
	var body io.Reader
	if bodies := s.target.Bodies; len(bodies) > 0 {
		body = bytes.NewReader(bodies[n%int64(len(bodies))])
	}
	req, err := http.NewRequestWithContext(ctx, s.target.Method, s.target.URL, body)
	if err != nil {
		return err
	}
	req.Header = s.target.Header.Clone()
	if req.Header == nil {
		req.Header = make(http.Header)
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
		req.Header.Del("Host")
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close() //nolint:errcheck // all that counts of it has been read
	if err := s.target.Expect.status(resp); err != nil {
		// What the server says is read all the same: so much costs it its time.
		_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, min(s.target.MaxBody, 64<<10)))
		return err
	}
	return s.answer(resp.Body, w)
}

// answer reads what is expected to be the answer.
func (s *Sender) answer(body io.Reader, w *watch) error {
	w.header()
	w.events = s.target.Events
	text, err := w.read(body, s.target.MaxBody, s.target.Expect.reads())
	if err != nil {
		return err
	}
	if s.target.Events && w.count == 0 {
		return fault("the answer holds no event")
	}
	return s.target.Expect.body(text)
}

// fault is a reason in words for the user.
type fault string

// Error is the reason.
func (f fault) Error() string { return string(f) }

const (
	errEndless = fault("more than 10 redirects")
	errTimeout = fault("timeout")
)
