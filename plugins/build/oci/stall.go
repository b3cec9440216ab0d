package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// stalledError says that the other side did nothing for too long.
type stalledError struct{ after time.Duration }

func (e *stalledError) Error() string {
	return fmt.Sprintf("nothing was taken or answered for %s", e.after)
}

// impatient ends a request in which nothing moves: no byte is taken of its body,
// and none comes of the answer. A deadline for the whole of it would be wrong for
// blobs, which take as long as they are large.
type impatient struct {
	base     http.RoundTripper
	patience time.Duration
}

// RoundTrip implements http.RoundTripper.
func (i *impatient) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(req.Context())
	dog := &watchdog{after: i.patience, cancel: cancel}
	dog.timer = time.AfterFunc(i.patience, func() { cancel(&stalledError{after: i.patience}) })
	req = req.WithContext(ctx)
	if req.Body != nil && req.Body != http.NoBody {
		req.Body = &watched{ReadCloser: req.Body, ctx: ctx, touch: dog.touch}
	}
	resp, err := i.base.RoundTrip(req)
	if err != nil {
		err = causeOf(ctx, err)
		dog.end()
		return nil, err
	}
	dog.touch()
	resp.Body = &watched{ReadCloser: resp.Body, ctx: ctx, touch: dog.touch, end: dog.end}
	return resp, nil
}

// watchdog ends a request when nothing moves.
type watchdog struct {
	timer  *time.Timer
	after  time.Duration
	cancel context.CancelCauseFunc
}

func (w *watchdog) touch() { w.timer.Reset(w.after) }

func (w *watchdog) end() {
	w.timer.Stop()
	w.cancel(nil)
}

// watched is a body whose every read is seen.
type watched struct {
	io.ReadCloser
	ctx   context.Context // of the one request that it belongs to
	touch func()
	end   func() // with the answer's body; the request ends with it
}

// Read implements io.Reader.
func (w *watched) Read(p []byte) (int, error) {
	n, err := w.ReadCloser.Read(p)
	if n > 0 {
		w.touch()
	}
	if err != nil && !errors.Is(err, io.EOF) {
		err = causeOf(w.ctx, err)
	}
	return n, err
}

// Close implements io.Closer.
func (w *watched) Close() error {
	err := w.ReadCloser.Close()
	if w.end != nil {
		w.end()
	}
	return err
}

// causeOf is why ctx ended, when that is why there is an error at all.
func causeOf(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
