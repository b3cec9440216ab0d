package sdk

import (
	"context"
	"io"
)

// Host is what the runner offers to one attempt. A nil *Host offers nothing:
// its methods return ErrNoHost.
type Host struct {
	calls hostCalls
}

// hostCalls is the wire below Host.
type hostCalls interface {
	readBlob(ctx context.Context, digest string, offset, length int64) (io.ReadCloser, error)
	writeBlob(ctx context.Context, r io.Reader) (Artifact, error)
	resolveSecret(ctx context.Context, name string) ([]byte, error)
}

// ReadBlob streams length bytes of a stored blob from offset; a length of 0
// means to the end. The caller closes the reader. A whole blob is checked
// against its digest before the last byte is returned.
func (h *Host) ReadBlob(ctx context.Context, digest string, offset, length int64) (io.ReadCloser, error) {
	if h == nil {
		return nil, ErrNoHost
	}
	return h.calls.readBlob(ctx, digest, offset, length)
}

// WriteBlob stores what r yields. The artifact has its digest, size and
// location; name and media type are the caller's. Nothing is stored when r
// fails.
func (h *Host) WriteBlob(ctx context.Context, r io.Reader) (Artifact, error) {
	if h == nil {
		return Artifact{}, ErrNoHost
	}
	return h.calls.writeBlob(ctx, r)
}

// ResolveSecret is the value of a secret that the stage names.
func (h *Host) ResolveSecret(ctx context.Context, name string) ([]byte, error) {
	if h == nil {
		return nil, ErrNoHost
	}
	return h.calls.resolveSecret(ctx, name)
}
