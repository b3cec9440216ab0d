package oci

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// patience is how long a registry may neither take nor give a byte. Some digest
// a whole blob before they answer, so it is not short.
const patience = 2 * time.Minute

// RegistryOptions says which repository, and how to reach it.
type RegistryOptions struct {
	Host       string // host[:port]
	Repository string
	Tag        string // empty pushes by digest alone
	PlainHTTP  bool
	CA         []byte   // PEM of the only authorities to trust; empty means the system's
	MountFrom  []string // repositories of the same registry that may have a blob
	Patience   time.Duration
	Progress   Progress
	// HelperPatience is how long a credential helper may take.
	HelperPatience time.Duration
}

// Registry is a repository of a registry that speaks the OCI distribution
// protocol. Credentials come from the Docker configuration and its helpers.
type Registry struct {
	repo     *remote.Repository
	opts     RegistryOptions
	observed *observer
	retrier  *retrier
	wait     func(ctx context.Context, d time.Duration) error

	before sync.Once
	layers []ocispec.Descriptor // of the package that has the tag now
}

// NewRegistry prepares a push; it sends nothing yet.
func NewRegistry(opts RegistryOptions) (*Registry, error) {
	if opts.Patience == 0 {
		opts.Patience = patience
	}
	if opts.HelperPatience == 0 {
		opts.HelperPatience = helperPatience
	}
	repo, err := remote.NewRepository(opts.Host + "/" + opts.Repository)
	if err != nil {
		return nil, fmt.Errorf("repository %s/%s: %w", opts.Host, opts.Repository, err)
	}
	transport, err := newTransport(opts.CA)
	if err != nil {
		return nil, err
	}
	observed := &observer{base: &impatient{base: transport, patience: opts.Patience}}
	again := &retrier{base: observed, wait: pause}
	client := &auth.Client{
		Client: &http.Client{Transport: again},
		Cache:  auth.NewCache(),
	}
	client.SetUserAgent("stagegate")
	if client.Credential, err = dockerCredentials(opts.HelperPatience); err != nil {
		return nil, err
	}
	repo.Client, repo.PlainHTTP = client, opts.PlainHTTP
	return &Registry{repo: repo, opts: opts, observed: observed, retrier: again, wait: pause}, nil
}

// Blob sends content unless the registry has it.
func (r *Registry) Blob(ctx context.Context, src Source) (ocispec.Descriptor, error) {
	desc, err := r.push(ctx, src)
	if err != nil {
		return ocispec.Descriptor{}, r.failure(ctx, err, "push "+src.Name)
	}
	return desc, nil
}

func (r *Registry) exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	found, err := r.repo.Blobs().Resolve(ctx, desc.Digest.String())
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return false, nil
	case err != nil:
		return false, err
	}
	// A blob of another size under this digest is a lie or half of it.
	return found.Size == desc.Size, nil
}

// replaces reports whether the package that has the tag now has a layer of that
// size: it may be the same one, so that its digest is worth waiting for.
func (r *Registry) replaces(ctx context.Context, size int64) bool {
	r.before.Do(func() {
		if r.opts.Tag == "" {
			return
		}
		_, raw, err := oras.FetchBytes(ctx, r.repo, r.opts.Tag, oras.FetchBytesOptions{MaxBytes: maxIndex})
		var manifest ocispec.Manifest
		if err == nil && json.Unmarshal(raw, &manifest) == nil {
			r.layers = manifest.Layers
		}
	})
	return slices.ContainsFunc(r.layers, func(d ocispec.Descriptor) bool { return d.Size == size })
}

// Manifest sends a manifest, tags it, and reads it back: what the registry
// serves under the digest is what was sent.
func (r *Registry) Manifest(ctx context.Context, mediaType string, raw []byte) (ocispec.Descriptor, error) {
	desc := ocispec.Descriptor{MediaType: mediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	if err := r.manifest(ctx, desc, raw); err != nil {
		return ocispec.Descriptor{}, r.failure(ctx, err, "push the manifest")
	}
	return desc, nil
}

func (r *Registry) manifest(ctx context.Context, desc ocispec.Descriptor, raw []byte) error {
	var err error
	if r.opts.Tag == "" {
		err = r.repo.Manifests().Push(ctx, desc, bytes.NewReader(raw))
	} else {
		err = r.repo.Manifests().PushReference(ctx, desc, bytes.NewReader(raw), r.opts.Tag)
	}
	if err != nil {
		return err
	}
	served, err := content.FetchAll(ctx, r.repo.Manifests(), desc)
	if err != nil {
		return err
	}
	if !bytes.Equal(served, raw) {
		return &lieError{what: "it serves another manifest than it was sent"}
	}
	return nil
}
