package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"oras.land/oras-go/v2/errdef"
)

// ErrNoPackage says that there is nothing under a tag or digest.
var ErrNoPackage = errors.New("there is no such package")

// Origin is where packages are read from.
type Origin interface {
	// Find says what a tag or a digest stands for: ErrNoPackage when for nothing.
	Find(ctx context.Context, reference string) (ocispec.Descriptor, error)

	// Small reads a manifest or a small blob, checked against its digest.
	Small(ctx context.Context, desc ocispec.Descriptor, limit int64) ([]byte, error)

	// Source reads a blob.
	Source(name string, desc ocispec.Descriptor) Source

	// Referrers are the manifests that may refer to a subject.
	Referrers(ctx context.Context, subject digest.Digest) ([]ocispec.Descriptor, error)

	// Tagged is the manifest that has a tag, and false when none has.
	Tagged(ctx context.Context, tag string) (ocispec.Descriptor, bool, error)
}

var (
	_ Origin = (*Registry)(nil)
	_ Origin = (*Layout)(nil)
)

// Find implements Origin.
func (r *Registry) Find(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	desc, err := r.repo.Resolve(ctx, reference)
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return desc, ErrNoPackage
	case err != nil:
		return desc, r.failure(ctx, err, "look for "+reference)
	case isDigest(reference) && desc.Digest.String() != reference:
		return desc, r.failure(ctx, &lieError{what: fmt.Sprintf("it was asked for %s and has %s", reference, desc.Digest)}, "look for "+reference)
	}
	return desc, nil
}

// Find implements Origin.
func (l *Layout) Find(ctx context.Context, reference string) (ocispec.Descriptor, error) {
	if !isDigest(reference) {
		desc, ok, err := l.Tagged(ctx, reference)
		if err == nil && !ok {
			err = ErrNoPackage
		}
		return desc, err
	}
	d := digest.Digest(reference)
	info, err := l.root.Lstat(blobName(d))
	if errors.Is(err, os.ErrNotExist) {
		return ocispec.Descriptor{}, ErrNoPackage
	}
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("look for %s: %w", d, err)
	}
	return ocispec.Descriptor{MediaType: ocispec.MediaTypeImageManifest, Digest: d, Size: info.Size()}, nil
}

// ReadLayout opens a layout that is there, and changes nothing in it. The caller
// keeps root open for as long as the layout is used.
func ReadLayout(root *os.Root) (*Layout, error) {
	content, err := readSmall(root, ocispec.ImageLayoutFile)
	if err != nil {
		return nil, fmt.Errorf("read layout: %w", err)
	}
	return &Layout{root: root}, checkVersion(content)
}

// Read copies a source and says what it was. A source with a digest has it.
func Read(ctx context.Context, src Source, w io.Writer, progress Progress) (ocispec.Descriptor, error) {
	return transfer(ctx, src, w, "fetching "+src.Name, progress)
}

// Reference says where a package is.
type Reference struct {
	Host, Repository string // of a registry
	Layout           string // folder, if it is a layout
	Reference        string // a tag or a digest
}

// layoutScheme marks a reference to a layout.
const layoutScheme = "oci-layout:"

// ParseReference reads <registry>/<repository>@<digest> or :<tag>, also after
// oci://, and oci-layout:<folder>@<digest> or :<tag>.
func ParseReference(text string) (Reference, error) {
	if folder, ok := strings.CutPrefix(text, layoutScheme); ok {
		name, reference, ok := strings.Cut(folder, "@")
		if !ok {
			at := strings.LastIndex(folder, ":")
			if at < 0 {
				return Reference{}, fmt.Errorf("%.200q does not say which package: add @sha256:… or :<tag>", text)
			}
			name, reference = folder[:at], folder[at+1:]
		}
		if name == "" || !usable(reference) {
			return Reference{}, fmt.Errorf("%.200q is not oci-layout:<folder>@sha256:… or oci-layout:<folder>:<tag>", text)
		}
		return Reference{Layout: name, Reference: reference}, nil
	}
	name, reference, ok := strings.Cut(strings.TrimPrefix(text, "oci://"), "@")
	if !ok {
		at := strings.LastIndex(name, ":")
		if at < strings.LastIndex(name, "/") {
			return Reference{}, fmt.Errorf("%.200q does not say which package: add @sha256:…, or :<tag>", text)
		}
		name, reference = name[:max(at, 0)], name[at+1:]
	} else if at := strings.LastIndex(name, ":"); at > strings.LastIndex(name, "/") {
		name = name[:at] // a tag beside a digest says nothing
	}
	host, repository, err := SplitRepository(name)
	if err != nil || !usable(reference) {
		return Reference{}, fmt.Errorf("%.200q is not <registry>/<repository>@sha256:…, for example registry.example.com/models/digits@sha256:…", text)
	}
	return Reference{Host: host, Repository: repository, Reference: reference}, nil
}

// ByDigest reports whether it stands for the same package for ever.
func (r Reference) ByDigest() bool { return isDigest(r.Reference) }

func isDigest(reference string) bool { return strings.Contains(reference, ":") }

func usable(reference string) bool {
	if !isDigest(reference) {
		return ValidTag(reference)
	}
	d := digest.Digest(reference)
	return d.Validate() == nil && d.Algorithm() == digest.SHA256
}

// OriginOptions says how to reach an origin.
type OriginOptions struct {
	CAFile    string // of a registry, as in RegistryBlock
	PlainHTTP bool
	Progress  Progress
}

// OpenOrigin opens where a reference leads. The caller calls release in the end.
func OpenOrigin(tree *workspace.Tree, ref Reference, opts OriginOptions) (from Origin, release func() error, err error) {
	if ref.Layout == "" {
		ro := RegistryOptions{Host: ref.Host, Repository: ref.Repository, PlainHTTP: opts.PlainHTTP, Progress: opts.Progress}
		if opts.CAFile != "" {
			if ro.CA, err = readCA(tree, opts.CAFile); err != nil {
				return nil, nil, fmt.Errorf("ca_file: %w", err)
			}
		}
		from, err := NewRegistry(ro)
		return from, func() error { return nil }, err
	}
	folder, err := tree.Folder(ref.Layout)
	if err != nil {
		return nil, nil, fmt.Errorf("layout: %w", err)
	}
	layout, err := ReadLayout(folder.Root())
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("layout %q: %w", ref.Layout, err), folder.Close())
	}
	return layout, folder.Close, nil
}
