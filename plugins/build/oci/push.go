package oci

import (
	"context"
	"errors"
	"net/http"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

const (
	// monolithic is the size up to which a blob goes in one request, and is
	// digested before that.
	monolithic = 8 << 20

	// maxIdle is how often an upload may be taken up again without having come
	// any further in between.
	maxIdle = 4
)

var errThere = errors.New("the registry has it already")

// push sends content unless the registry has it.
func (r *Registry) push(ctx context.Context, src Source) (ocispec.Descriptor, error) {
	switch {
	case src.Digest != "":
		return r.pushKnown(ctx, src, newLedger(false))
	case src.Fresh:
		return r.pushOnce(ctx, src)
	case src.OpenAt == nil || src.Size <= monolithic || len(r.opts.MountFrom) > 0 || r.replaces(ctx, src.Size):
		l := newLedger(true)
		desc, err := l.lead(ctx, src, r.opts.Progress)
		if err != nil {
			return desc, err
		}
		src.Digest, src.Size = desc.Digest, desc.Size
		return r.pushKnown(ctx, src, l)
	}
	return r.pushAhead(ctx, src)
}

// pushKnown sends content whose digest is known.
func (r *Registry) pushKnown(ctx context.Context, src Source, l *ledger) (ocispec.Descriptor, error) {
	desc := ocispec.Descriptor{Digest: src.Digest, Size: src.Size}
	if there, err := r.exists(ctx, desc); err != nil || there {
		return desc, err
	}
	u, err := r.mountAny(ctx, desc)
	if err != nil || u == nil {
		return desc, err
	}
	if src.Size <= monolithic {
		body := newFeed(ctx, src, l, 0, r.progressOf(src))
		err := u.finish(ctx, src.Digest, body, src.Size)
		if closeErr := body.end(); err == nil || closeErr != nil {
			err = closeErr // the reason why the request broke off, if it is ours
		}
		return desc, err
	}
	if u, err = r.transmit(ctx, u, src, l); err != nil {
		return desc, err
	}
	return desc, u.finish(ctx, src.Digest, nil, 0)
}

// pushOnce sends content that is digested while it is sent: that it is there
// already is impossible.
func (r *Registry) pushOnce(ctx context.Context, src Source) (ocispec.Descriptor, error) {
	u, err := r.begin(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	l := newLedger(false)
	if u, err = r.transmit(ctx, u, src, l); err != nil {
		return ocispec.Descriptor{}, err
	}
	return l.desc(), u.finish(ctx, l.desc().Digest, nil, 0)
}

// pushAhead sends content while it is digested. When it turns out to be there
// already, sending stops: that costs a part of the way, where waiting for the
// digest first would cost each new blob the time that it takes.
func (r *Registry) pushAhead(ctx context.Context, src Source) (ocispec.Descriptor, error) {
	u, err := r.begin(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	l := newLedger(true)
	sending, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type outcome struct {
		desc ocispec.Descriptor
		err  error
	}
	ahead := make(chan outcome, 1)
	go func() {
		desc, err := l.lead(sending, src, r.opts.Progress)
		if err == nil {
			if there, askErr := r.exists(sending, desc); askErr == nil && there {
				err = errThere
				cancel(errThere)
			}
		}
		ahead <- outcome{desc, err}
	}()
	u, err = r.transmit(sending, u, src, l)
	if err != nil {
		cancel(err)
	}
	known := <-ahead
	switch {
	case errors.Is(known.err, errThere):
		if err == nil {
			u.abandon(ctx)
		}
		return known.desc, nil
	case err != nil:
		return known.desc, err
	case known.err != nil:
		u.abandon(ctx)
		return known.desc, known.err
	}
	return known.desc, u.finish(ctx, known.desc.Digest, nil, 0)
}

// transmit sends all of a source, and goes on where it was when the connection
// breaks or the registry is busy. On failure nothing is left of the upload.
func (r *Registry) transmit(ctx context.Context, u *upload, src Source, l *ledger) (*upload, error) {
	best, idle := int64(0), 0
	for at := int64(0); ; {
		reached, err := u.append(ctx, src, l, at)
		if err == nil && reached == src.Size {
			return u, nil
		}
		if err != nil && !resumable(ctx, err) {
			u.abandon(ctx)
			return nil, err
		}
		if err != nil {
			if reached, u, err = r.takeUp(ctx, u, idle, err); err != nil {
				return nil, err
			}
		}
		at = reached
		if idle++; at > best {
			best, idle = at, 0
		}
		if idle > maxIdle {
			u.abandon(ctx)
			return nil, errors.New("it takes content and does not keep it")
		}
	}
}

// takeUp finds out how far an upload has come that broke off, or begins another
// when the registry does not know it any more.
func (r *Registry) takeUp(ctx context.Context, u *upload, idle int, because error) (int64, *upload, error) {
	if idle == maxIdle {
		u.abandon(ctx)
		return 0, nil, because
	}
	if err := r.wait(ctx, backoff(idle)); err != nil {
		u.abandon(ctx)
		return 0, nil, err
	}
	at, err := u.reached(ctx)
	if statusOf(err) == http.StatusNotFound {
		u, err = r.begin(ctx)
		return 0, u, err
	}
	if err != nil && resumable(ctx, err) {
		return 0, u, nil // perhaps the next attempt hears more
	}
	if err != nil {
		u.abandon(ctx)
		return 0, nil, err
	}
	return at, u, nil
}

// resumable reports whether an upload may go on after an error.
func resumable(ctx context.Context, err error) bool {
	var stalled *stalledError
	var busy *busyError
	switch status := statusOf(err); {
	case ctx.Err() != nil || errors.As(err, &busy) || errors.Is(err, errChanged):
		return false
	case errors.As(err, &stalled):
		return true
	case status == 0:
		return broken(err)
	case status == http.StatusNotFound || status == http.StatusRequestedRangeNotSatisfiable:
		return true
	default:
		return status == http.StatusRequestTimeout || status == http.StatusTooManyRequests || status >= http.StatusInternalServerError
	}
}

// mountAny looks for a blob in the repositories that the user names. It returns
// an upload to send it with when none of them has it, and none otherwise.
func (r *Registry) mountAny(ctx context.Context, desc ocispec.Descriptor) (*upload, error) {
	var open *upload
	for _, from := range r.opts.MountFrom {
		u, err := r.mount(ctx, desc.Digest, from)
		if status := statusOf(err); status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests {
			continue // this one may not be read, or is not there
		}
		if open != nil {
			open.abandon(ctx)
		}
		if err != nil || u == nil {
			return nil, err
		}
		open = u
	}
	if open != nil {
		return open, nil
	}
	return r.begin(ctx)
}

func (r *Registry) progressOf(src Source) func(n int) {
	at := int64(0)
	return func(n int) {
		if at += int64(n); r.opts.Progress != nil {
			r.opts.Progress("pushing "+src.Name, at, src.Size)
		}
	}
}
