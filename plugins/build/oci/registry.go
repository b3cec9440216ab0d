package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
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
	CA         []byte // PEM of the only authorities to trust; empty means the system's
	Patience   time.Duration
	Progress   Progress
}

// Registry is a repository of a registry that speaks the OCI distribution
// protocol. Credentials come from the Docker configuration and its helpers.
type Registry struct {
	repo     *remote.Repository
	opts     RegistryOptions
	observed *observer
}

// NewRegistry prepares a push; it sends nothing yet.
func NewRegistry(opts RegistryOptions) (*Registry, error) {
	if opts.Patience == 0 {
		opts.Patience = patience
	}
	repo, err := remote.NewRepository(opts.Host + "/" + opts.Repository)
	if err != nil {
		return nil, fmt.Errorf("repository %s/%s: %w", opts.Host, opts.Repository, err)
	}
	transport, err := newTransport(opts.CA)
	if err != nil {
		return nil, err
	}
	observed := &observer{base: transport}
	client := &auth.Client{
		Client: &http.Client{Transport: retry.NewTransport(observed)},
		Cache:  auth.NewCache(),
	}
	client.SetUserAgent("stagegate")
	if store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{}); err == nil {
		client.Credential = credentials.Credential(store)
	} else if !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read docker configuration: %w", err)
	}
	repo.Client, repo.PlainHTTP = client, opts.PlainHTTP
	return &Registry{repo: repo, opts: opts, observed: observed}, nil
}

// Blob sends content unless the registry has it. Its digest must be known to
// ask, so content without one is read twice.
func (r *Registry) Blob(ctx context.Context, src Source) (ocispec.Descriptor, error) {
	desc := ocispec.Descriptor{MediaType: "application/octet-stream", Digest: src.Digest, Size: src.Size}
	if src.Digest == "" {
		measured, err := measure(ctx, src, r.opts.Progress)
		if err != nil {
			return ocispec.Descriptor{}, err
		}
		desc.Digest, desc.Size = measured.Digest, measured.Size
		src.Digest, src.Size = measured.Digest, measured.Size
	}
	there, err := r.exists(ctx, desc)
	if err == nil && !there {
		err = r.send(ctx, desc, src)
	}
	if err != nil {
		return ocispec.Descriptor{}, r.failure(ctx, err, "push "+src.Name)
	}
	return ocispec.Descriptor{Digest: desc.Digest, Size: desc.Size}, nil
}

func (r *Registry) exists(ctx context.Context, desc ocispec.Descriptor) (bool, error) {
	ctx, stop := watch(ctx, r.opts.Patience)
	defer stop.end()
	found, err := r.repo.Blobs().Resolve(ctx, desc.Digest.String())
	switch {
	case errors.Is(err, errdef.ErrNotFound):
		return false, nil
	case err != nil:
		return false, causeOf(ctx, err)
	}
	// A blob of another size under this digest is a lie or half of it.
	return found.Size == desc.Size, nil
}

func (r *Registry) send(ctx context.Context, desc ocispec.Descriptor, src Source) error {
	ctx, stop := watch(ctx, r.opts.Patience)
	defer stop.end()
	body, err := src.Open(ctx)
	if err != nil {
		return err
	}
	upload := &upload{left: desc.Size, verified: content.NewVerifyReader(&meter{
		ctx: ctx, r: body, task: "pushing " + src.Name, total: src.Size,
		progress: r.opts.Progress, touch: stop.touch,
	}, desc)}
	err = r.repo.Blobs().Push(ctx, desc, upload)
	// The transport may go on reading after an early answer.
	upload.end()
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	return causeOf(ctx, err)
}

// upload is the body of a request. It yields no last byte of content that is
// not what its digest says: a registry that does not check would keep it.
type upload struct {
	mu       sync.Mutex
	verified *content.VerifyReader
	left     int64
	ended    bool
}

// Read implements io.Reader.
func (u *upload) Read(p []byte) (int, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.ended {
		return 0, errors.New("the request has ended")
	}
	n, err := u.verified.Read(p)
	u.left -= int64(n)
	if u.left <= 0 || errors.Is(err, io.EOF) {
		if bad := u.verified.Verify(); bad != nil {
			return 0, fmt.Errorf("the content changed while it was sent: %w", bad)
		}
	}
	return n, err
}

func (u *upload) end() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended = true
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
	ctx, stop := watch(ctx, r.opts.Patience)
	defer stop.end()
	var err error
	if r.opts.Tag == "" {
		err = r.repo.Manifests().Push(ctx, desc, bytes.NewReader(raw))
	} else {
		err = r.repo.Manifests().PushReference(ctx, desc, bytes.NewReader(raw), r.opts.Tag)
	}
	if err != nil {
		return causeOf(ctx, err)
	}
	stop.touch()
	served, err := content.FetchAll(ctx, r.repo.Manifests(), desc)
	if err != nil {
		return causeOf(ctx, err)
	}
	if !bytes.Equal(served, raw) {
		return errors.New("the registry serves another manifest than was sent")
	}
	return nil
}
