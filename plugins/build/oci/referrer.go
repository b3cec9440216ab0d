package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Attachment is a small document about a manifest that is stored beside it.
type Attachment struct {
	Type        string // media type of the document, and the artifact type of its manifest
	Content     []byte
	File        string            // under which a client that pulls it saves it; empty means under none
	Annotations map[string]string // of its manifest
}

// Attach stores a document as a manifest of its own that names the subject, as
// OCI 1.1 has it. The subject does not change, and gets no other tag. The same
// document has the same manifest.
func (d *Destination) Attach(ctx context.Context, subject ocispec.Descriptor, a Attachment) (ocispec.Descriptor, error) {
	desc, raw, err := prepareAttachment(ctx, d, subject, a)
	if err == nil && d.layout != nil {
		err = d.layout.attach(ctx, desc, raw)
	}
	if err == nil && d.registry != nil {
		err = d.registry.attach(ctx, desc, raw)
	}
	return desc, err
}

// Attach is that of a Destination which is this registry alone.
func (r *Registry) Attach(ctx context.Context, subject ocispec.Descriptor, a Attachment) (ocispec.Descriptor, error) {
	desc, raw, err := prepareAttachment(ctx, r, subject, a)
	if err == nil {
		err = r.attach(ctx, desc, raw)
	}
	return desc, err
}

// prepareAttachment stores all but the manifest.
func prepareAttachment(ctx context.Context, to Target, subject ocispec.Descriptor, a Attachment) (desc ocispec.Descriptor, raw []byte, err error) {
	layer, err := to.Blob(ctx, Bytes("a document", a.Content))
	if err != nil {
		return desc, nil, err
	}
	if _, err := to.Blob(ctx, Bytes("config", ocispec.DescriptorEmptyJSON.Data)); err != nil {
		return desc, nil, err
	}
	layer.MediaType = a.Type
	if a.File != "" {
		layer.Annotations = map[string]string{ocispec.AnnotationTitle: a.File}
	}
	empty := ocispec.DescriptorEmptyJSON
	empty.Data = nil // some registries refuse a manifest with embedded content
	raw, err = json.Marshal(ocispec.Manifest{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: ocispec.MediaTypeImageManifest,
		ArtifactType: a.Type, Config: empty, Layers: []ocispec.Descriptor{layer},
		Subject:     &ocispec.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size},
		Annotations: a.Annotations,
	})
	if err != nil {
		return desc, nil, fmt.Errorf("encode manifest: %w", err)
	}
	return ocispec.Descriptor{
		MediaType: ocispec.MediaTypeImageManifest, ArtifactType: a.Type,
		Digest: digest.FromBytes(raw), Size: int64(len(raw)),
	}, raw, nil
}

// attach enters a manifest in the index without a tag.
func (l *Layout) attach(ctx context.Context, desc ocispec.Descriptor, raw []byte) error {
	if _, err := l.Blob(ctx, Bytes("manifest", raw)); err != nil {
		return err
	}
	return l.enter(desc)
}

// attach sends a manifest by its digest. Where the registry has no API for
// referrers, the index under the tag that stands in for it gets an entry.
func (r *Registry) attach(ctx context.Context, desc ocispec.Descriptor, raw []byte) error {
	r.repo.SkipReferrersGC = true // many registries do not let an old index be deleted
	if err := r.repo.Manifests().Push(ctx, desc, bytes.NewReader(raw)); err != nil {
		return r.failure(ctx, err, "attach a document")
	}
	return nil
}

// maxReferrers bounds what is looked through.
const maxReferrers = 1000

var errManyReferrers = fmt.Errorf("more than %d manifests refer to it", maxReferrers)

// Referrers are the manifests that a registry says refer to a subject. That is
// to be checked with each.
func (r *Registry) Referrers(ctx context.Context, subject digest.Digest) ([]ocispec.Descriptor, error) {
	var found []ocispec.Descriptor
	err := r.repo.Referrers(ctx, ocispec.Descriptor{Digest: subject}, "", func(page []ocispec.Descriptor) error {
		if found = append(found, page...); len(found) > maxReferrers {
			return errManyReferrers
		}
		return nil
	})
	if errors.Is(err, errManyReferrers) {
		return nil, err
	}
	if err != nil {
		return nil, r.failure(ctx, err, "look for what is attached")
	}
	return found, nil
}

// Referrers are the manifests of a layout that may refer to a subject.
func (l *Layout) Referrers(ctx context.Context, subject digest.Digest) ([]ocispec.Descriptor, error) {
	index, err := l.index()
	if err != nil {
		return nil, err
	}
	var found []ocispec.Descriptor
	for _, d := range index.Manifests {
		switch {
		case d.MediaType == ocispec.MediaTypeImageManifest && d.Digest != subject:
			found = append(found, d)
		case d.MediaType == ocispec.MediaTypeImageIndex && d.Annotations[ocispec.AnnotationRefName] == FallbackTag(subject):
			nested, err := l.nested(ctx, d)
			if err != nil {
				return nil, err
			}
			found = append(found, nested...)
		}
	}
	if len(found) > maxReferrers {
		return nil, errManyReferrers
	}
	return found, nil
}

func (l *Layout) nested(ctx context.Context, d ocispec.Descriptor) ([]ocispec.Descriptor, error) {
	raw, err := l.Small(ctx, d, maxIndex)
	if err != nil {
		return nil, err
	}
	var index ocispec.Index
	if err := json.Unmarshal(raw, &index); err != nil {
		return nil, fmt.Errorf("read index %s: %w", d.Digest, err)
	}
	return index.Manifests, nil
}

// FallbackTag is the tag of the index of referrers where there is no API.
func FallbackTag(subject digest.Digest) string {
	return subject.Algorithm().String() + "-" + subject.Encoded()
}
