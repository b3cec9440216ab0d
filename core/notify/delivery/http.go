package delivery

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/notify"
)

// Bounds of what is read.
const (
	maxAnswer    = 64 << 10
	maxQuoted    = 200
	maxHeaders   = 64 << 10
	maxRedirects = 3
	maxCAFile    = 1 << 20
)

// request is one POST of JSON.
type request struct {
	address string
	caFile  string
	body    []byte
	header  map[string]string
	// accept reports whether an answer that is no success is one all the same.
	accept func(status int, body []byte) bool
}

// post sends a request and reads as much of the answer as says what became of it.
func (c *Courier) post(ctx context.Context, r request) error {
	if err := notify.CheckURL(r.address); err != nil {
		return &notify.Fault{Err: err, Final: true}
	}
	roots, err := authorities(r.caFile)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.address, bytes.NewReader(r.body))
	if err != nil {
		return final("make the request: %w", withoutURL(err))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "stagegate")
	for name, value := range r.header {
		req.Header.Set(name, value)
	}
	client := &http.Client{CheckRedirect: sameHost, Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, ForceAttemptHTTP2: true, MaxResponseHeaderBytes: maxHeaders,
		TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
	}}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("send: %w", withoutURL(err))
	}
	defer func() { _ = resp.Body.Close() }() // the answer is known
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if resp.StatusCode >= 200 && resp.StatusCode < 300 {
		return nil // it was taken, whatever became of the rest of the answer
	}
	if err != nil {
		return fmt.Errorf("read the answer %s: %w", resp.Status, withoutURL(err))
	}
	if r.accept != nil && r.accept(resp.StatusCode, body) {
		return nil
	}
	return c.judge(resp, body)
}

// judge says what an answer that is no success means.
func (c *Courier) judge(resp *http.Response, body []byte) error {
	err := fmt.Errorf("the answer is %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	if location := resp.Header.Get("Location"); resp.StatusCode < 400 && location != "" {
		err = fmt.Errorf("%w: a redirect to another place is not followed; configure the place itself", err)
	} else if said := quoted(body); said != "" {
		err = fmt.Errorf("%w: %s", err, said)
	}
	wait, asked := c.waitFor(resp)
	switch {
	case resp.StatusCode >= 500, resp.StatusCode == http.StatusTooManyRequests, resp.StatusCode == http.StatusRequestTimeout,
		resp.StatusCode == http.StatusTooEarly, resp.StatusCode == http.StatusForbidden && asked:
		return &notify.Fault{Err: err, After: wait}
	default:
		return &notify.Fault{Err: err, Final: true}
	}
}

// waitFor is how long the other side asks to wait: with Retry-After, or with
// the rate limit headers of GitHub, Gitea and GitLab.
func (c *Courier) waitFor(resp *http.Response) (time.Duration, bool) {
	now := c.o.Now()
	if text := resp.Header.Get("Retry-After"); text != "" {
		if seconds, err := strconv.Atoi(text); err == nil && seconds >= 0 {
			return time.Duration(min(seconds, 1<<30)) * time.Second, true
		}
		if at, err := http.ParseTime(text); err == nil {
			return max(at.Sub(now), 0), true
		}
	}
	if resp.Header.Get("X-RateLimit-Remaining") == "0" {
		if at, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil {
			return max(time.Unix(at, 0).Sub(now), 0), true
		}
		return 0, true
	}
	return 0, false
}

// sameHost follows what keeps the request as it is, on the same host.
func sameHost(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	if req.Method != http.MethodPost || req.URL.Host != first.Host || req.URL.Scheme != first.Scheme || len(via) > maxRedirects {
		return http.ErrUseLastResponse
	}
	return nil
}

// withoutURL is an error without the address, which may be a secret.
func withoutURL(err error) error {
	if u, ok := errors.AsType[*url.Error](err); ok {
		return u.Err
	}
	return err
}

// quoted is the beginning of an answer, on a line.
func quoted(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body[:min(len(body), 4*maxQuoted)]), "")), " ")
	if runes := []rune(text); len(runes) > maxQuoted {
		text = string(runes[:maxQuoted]) + "…"
	}
	return text
}

// authorities are those of the system and of a file; nil means the system's.
func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	pem, err := io.ReadAll(io.LimitReader(f, maxCAFile))
	if err != nil {
		return nil, fmt.Errorf("read ca_file: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("read ca_file: %s holds no certificate in PEM", file)
	}
	return pool, nil
}

// at is the address of a target.
func (c *Courier) at(ctx context.Context, a notify.Address) (string, error) {
	if a.Secret == "" {
		return a.URL, nil
	}
	address, err := c.secret(ctx, a.Secret)
	return strings.TrimSpace(address), err
}
