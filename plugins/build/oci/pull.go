package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/registry/remote/auth"
)

// Source reads a blob of the registry. A connection that breaks is taken up
// where it was. Who reads all of it compares the digest.
func (r *Registry) Source(name string, desc ocispec.Descriptor) Source {
	openAt := func(ctx context.Context, offset int64) (io.ReadCloser, error) {
		d := &download{ctx: ctx, registry: r, name: name, desc: desc, at: offset, best: offset}
		if err := d.open(); err != nil {
			return nil, r.failure(ctx, err, "fetch "+name)
		}
		return d, nil
	}
	return Source{
		Name: name, Digest: desc.Digest, Size: desc.Size, OpenAt: openAt,
		Open: func(ctx context.Context) (io.ReadCloser, error) { return openAt(ctx, 0) },
	}
}

// download is a blob on its way from a registry.
type download struct {
	ctx      context.Context // of the one call of Open that owns it
	registry *Registry
	name     string
	desc     ocispec.Descriptor
	body     io.ReadCloser
	at, best int64
	idle     int
}

// open asks for what is missing.
func (d *download) open() error {
	if d.at >= d.desc.Size {
		d.body = http.NoBody
		return nil
	}
	body, err := d.registry.get(d.ctx, d.desc, d.at, d.desc.Size-1)
	if err != nil {
		return err
	}
	d.body = body
	return nil
}

// Read implements io.Reader.
func (d *download) Read(p []byte) (int, error) {
	left := d.desc.Size - d.at
	if left <= 0 {
		return 0, io.EOF
	}
	// The connection learns of it a moment later, and has more to give until then.
	if d.ctx.Err() != nil {
		return 0, d.registry.failure(d.ctx, context.Cause(d.ctx), "fetch "+d.name)
	}
	n, err := d.body.Read(p[:min(int64(len(p)), left)])
	d.at += int64(n)
	if d.at == d.desc.Size || err == nil {
		return n, nil
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF // truncated
	}
	if err = d.again(err); err != nil {
		return n, d.registry.failure(d.ctx, err, "fetch "+d.name)
	}
	return n, nil
}

// again goes on after an error, unless nothing has come since the last ones.
func (d *download) again(err error) error {
	for {
		if d.at > d.best {
			d.best, d.idle = d.at, 0
		}
		if d.idle++; d.idle > maxIdle || !resumable(d.ctx, err) {
			return err
		}
		_ = d.body.Close() // it is broken
		if waitErr := d.registry.wait(d.ctx, backoff(d.idle)); waitErr != nil {
			return waitErr
		}
		if err = d.open(); err == nil {
			return nil
		}
	}
}

// Close implements io.Closer.
func (d *download) Close() error { return d.body.Close() }

// get asks for the bytes of a blob from first to last. Registries without ranges
// send it from the beginning, and what is before first is thrown away.
func (r *Registry) get(ctx context.Context, desc ocispec.Descriptor, first, last int64) (io.ReadCloser, error) {
	address := r.uploads()
	address = &url.URL{Scheme: address.Scheme, Host: address.Host, Path: "/v2/" + r.opts.Repository + "/blobs/" + desc.Digest.String()}
	ctx = auth.AppendRepositoryScope(ctx, r.repo.Reference, auth.ActionPull)
	resp, err := r.do(ctx, http.MethodGet, address, func(req *http.Request) {
		if first > 0 || last < desc.Size-1 {
			req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", first, last))
		}
	})
	if err != nil {
		return nil, err
	}
	switch resp.StatusCode {
	case http.StatusPartialContent:
		if got := resp.Header.Get("Content-Range"); got != fmt.Sprintf("bytes %d-%d/%d", first, last, desc.Size) {
			return nil, errors.Join(&lieError{what: fmt.Sprintf("it was asked for the bytes %d to %d of %d and sends %.60q", first, last, desc.Size, got)}, resp.Body.Close())
		}
	case http.StatusOK:
		if resp.ContentLength >= 0 && resp.ContentLength != desc.Size {
			return nil, errors.Join(&lieError{what: fmt.Sprintf("%s should have %d bytes, and it sends %d", desc.Digest, desc.Size, resp.ContentLength)}, resp.Body.Close())
		}
		if _, err := io.CopyN(io.Discard, resp.Body, first); err != nil {
			return nil, errors.Join(shorter(err), resp.Body.Close())
		}
	default:
		return nil, errors.Join(fmt.Errorf("it answered %d where a blob should be", resp.StatusCode), resp.Body.Close())
	}
	return resp.Body, nil
}

// ReaderAt reads pieces of a blob, each with a request of its own: the header of
// a hundred gigabytes of weights costs what the header has. Nothing proves that
// a piece belongs to the digest; who needs that reads all of it, or decrypts.
// The context lives as long as the reader: reading at an offset has no place for
// one.
func (r *Registry) ReaderAt(ctx context.Context, desc ocispec.Descriptor) io.ReaderAt {
	return &pieces{ctx: ctx, registry: r, desc: desc}
}

type pieces struct {
	ctx      context.Context
	registry *Registry
	desc     ocispec.Descriptor
}

// ReadAt implements io.ReaderAt.
func (p *pieces) ReadAt(to []byte, off int64) (int, error) {
	if off < 0 || off >= p.desc.Size {
		return 0, io.EOF
	}
	want := to[:min(int64(len(to)), p.desc.Size-off)]
	if len(want) == 0 {
		return 0, nil
	}
	body, err := p.registry.get(p.ctx, p.desc, off, off+int64(len(want))-1)
	if err != nil {
		return 0, p.registry.failure(p.ctx, err, "read "+p.desc.Digest.String())
	}
	n, err := io.ReadFull(body, want)
	if closeErr := body.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return n, p.registry.failure(p.ctx, err, "read "+p.desc.Digest.String())
	}
	if n < len(to) {
		return n, io.EOF
	}
	return n, nil
}
