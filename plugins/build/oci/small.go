package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Small reads a manifest or a small blob, checked against its digest.
func (r *Registry) Small(ctx context.Context, desc ocispec.Descriptor, limit int64) ([]byte, error) {
	if err := within(desc, limit); err != nil {
		return nil, err
	}
	raw, err := content.FetchAll(ctx, r.repo, desc)
	if err != nil {
		return nil, r.failure(ctx, suspect(err, desc.Digest), "read "+desc.Digest.String())
	}
	return raw, nil
}

// suspect tells an answer that is not what was asked for from one that did not
// come. Its words are left out: they quote addresses that may carry tokens.
func suspect(err error, want digest.Digest) error {
	var response *errcode.ErrorResponse
	var network net.Error
	var stalled *stalledError
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return &lieError{what: "it does not have " + want.String() + ", though something refers to it"}
	case errors.As(err, &response), errors.As(err, &network), errors.As(err, &stalled),
		errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, auth.ErrBasicCredentialNotFound):
		return err
	}
	return &lieError{what: "it was asked for " + want.String() + " and sends something else"}
}

// Tagged is the manifest that has a tag, and false when none has.
func (r *Registry) Tagged(ctx context.Context, tag string) (ocispec.Descriptor, bool, error) {
	desc, err := r.repo.Resolve(ctx, tag)
	if errors.Is(err, errdef.ErrNotFound) {
		return desc, false, nil
	}
	if err != nil {
		return desc, false, r.failure(ctx, err, "look for the tag "+tag)
	}
	return desc, true, nil
}

// Small reads a manifest or a small blob, checked against its digest.
func (l *Layout) Small(_ context.Context, desc ocispec.Descriptor, limit int64) ([]byte, error) {
	if err := within(desc, limit); err != nil {
		return nil, err
	}
	f, err := l.root.OpenFile(blobName(desc.Digest), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", desc.Digest, err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, desc.Size+1))
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", desc.Digest, err)
	}
	if got := digest.FromBytes(raw); got != desc.Digest {
		return nil, &ChangedError{Name: "a blob of the layout", Want: desc.Digest, Got: got}
	}
	return raw, nil
}

// Tagged is the manifest that has a tag, and false when none has.
func (l *Layout) Tagged(_ context.Context, tag string) (ocispec.Descriptor, bool, error) {
	index, err := l.index()
	if err != nil {
		return ocispec.Descriptor{}, false, err
	}
	for _, d := range index.Manifests {
		if d.Annotations[ocispec.AnnotationRefName] == tag {
			return d, true, nil
		}
	}
	return ocispec.Descriptor{}, false, nil
}

func within(desc ocispec.Descriptor, limit int64) error {
	if err := desc.Digest.Validate(); err != nil || desc.Digest.Algorithm() != digest.SHA256 {
		return fmt.Errorf("%.100q is not a SHA-256 digest", desc.Digest)
	}
	if desc.Size < 0 || desc.Size > limit {
		return fmt.Errorf("%s has %d bytes, which is not within %d", desc.Digest, desc.Size, limit)
	}
	return nil
}
