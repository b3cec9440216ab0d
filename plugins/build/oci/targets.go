package oci

import (
	"context"
	"errors"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Targets stores in each of several places, in order. Content is digested once.
type Targets []Target

// Blob stores content in every target.
func (ts Targets) Blob(ctx context.Context, src Source) (ocispec.Descriptor, error) {
	var desc ocispec.Descriptor
	for _, t := range ts {
		var err error
		if desc, err = t.Blob(ctx, src); err != nil {
			return ocispec.Descriptor{}, err
		}
		src.Digest, src.Size = desc.Digest, desc.Size
		if local, ok := t.(*Layout); ok && src.Fresh {
			src = local.Source(src.Name, desc) // making it again would cost more
		}
	}
	if len(ts) == 0 {
		return desc, errors.New("there is no target to store in")
	}
	return desc, nil
}

// Manifest stores a manifest in every target.
func (ts Targets) Manifest(ctx context.Context, mediaType string, content []byte) (ocispec.Descriptor, error) {
	var desc ocispec.Descriptor
	for _, t := range ts {
		var err error
		if desc, err = t.Manifest(ctx, mediaType, content); err != nil {
			return ocispec.Descriptor{}, err
		}
	}
	return desc, nil
}
