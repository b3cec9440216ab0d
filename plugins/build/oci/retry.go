package oci

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"syscall"
	"time"
)

// Bounds of asking again. A registry that wants to be left alone for longer than
// maxWait is one for the stage's own retries.
const (
	maxRetries = 5
	minWait    = 200 * time.Millisecond
	maxWait    = time.Minute
)

// retrier sends requests again that a busy registry has refused. It leaves those
// with a body alone: what has arrived of it has to be found out first.
type retrier struct {
	base http.RoundTripper
	wait func(ctx context.Context, d time.Duration) error // pause, but for tests
}

// RoundTrip implements http.RoundTripper.
func (r *retrier) RoundTrip(req *http.Request) (*http.Response, error) {
	for tried := 0; ; tried++ {
		resp, err := r.base.RoundTrip(req)
		if req.Body != nil && req.Body != http.NoBody || tried == maxRetries || !passing(resp, err) {
			return resp, err
		}
		d := backoff(tried)
		if resp != nil {
			asked, ok := retryAfter(resp, time.Now())
			if ok && asked > maxWait {
				return resp, nil
			}
			d = max(d, asked)
			_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer) // lets the connection be used again
			_ = resp.Body.Close()
		}
		if err := r.wait(req.Context(), d); err != nil {
			return nil, err
		}
	}
}

// passing reports whether the same request may be answered otherwise in a moment.
func passing(resp *http.Response, err error) bool {
	if err != nil {
		return broken(err)
	}
	switch resp.StatusCode {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// broken reports whether a connection broke that stood, or never came about for
// lack of time. One that is refused is not worth waiting for.
func broken(err error) bool {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) {
		return true
	}
	var network net.Error
	return errors.As(err, &network) && network.Timeout()
}

// backoff doubles, with some chance in it so that many do not come back at once.
func backoff(tried int) time.Duration {
	d := minWait << min(tried, 6)
	return d + rand.N(d/4) //nolint:gosec // G404: nothing depends on it being hard to guess
}

// retryAfter is how long a registry wants to be left alone.
func retryAfter(resp *http.Response, now time.Time) (time.Duration, bool) {
	value := resp.Header.Get("Retry-After")
	if value == "" {
		return 0, false
	}
	if seconds, err := strconv.ParseInt(value, 10, 64); err == nil {
		if seconds < 0 || seconds > int64(24*time.Hour/time.Second) {
			seconds = int64(24 * time.Hour / time.Second)
		}
		return time.Duration(seconds) * time.Second, true
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0, false
	}
	return max(at.Sub(now), 0), true
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// busyError is an answer that asks to come back much later.
type busyError struct {
	after time.Duration
	cause error
}

// Error says for how long. The answer's own text has an address in it.
func (e *busyError) Error() string { return "it asks to be left alone for " + e.after.String() }

// Unwrap is the answer.
func (e *busyError) Unwrap() error { return e.cause }
