// Package content opens what goes into a package: a file of the work folder, or
// an artifact that another stage made. Both can be read in any order, and
// streamed more than once.
package content

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
)

// Content is open until Close. What is inspected and what is packed come from
// the same handle, so that nobody can exchange the file in between.
type Content struct {
	io.ReaderAt
	Size       int64
	Digest     digest.Digest // when it is known before it is read
	Executable bool
	// Hollow says that hardly any of it was ever written: it is a sparse file.
	Hollow bool

	stream func(ctx context.Context, offset int64) (io.ReadCloser, error)
	closer io.Closer
}

// Stream reads it from the first byte to the last.
func (c *Content) Stream(ctx context.Context) (io.ReadCloser, error) { return c.stream(ctx, 0) }

// StreamAt reads it from an offset to the last byte.
func (c *Content) StreamAt(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if offset < 0 || offset > c.Size {
		return nil, fmt.Errorf("offset %d is not within %d bytes", offset, c.Size)
	}
	return c.stream(ctx, offset)
}

// Section reads it from the first byte, independently of others.
func (c *Content) Section() *io.SectionReader { return io.NewSectionReader(c, 0, c.Size) }

// Close releases it.
func (c *Content) Close() error {
	if c.closer == nil {
		return nil
	}
	return c.closer.Close()
}

// OpenFile opens a regular file of the work folder.
func OpenFile(tree *workspace.Tree, name string) (*Content, error) {
	f, info, err := tree.File(name)
	if err != nil {
		return nil, err
	}
	c := &Content{ReaderAt: f, Size: info.Size(), Executable: info.Mode()&0o100 != 0, Hollow: hollow(info), closer: f}
	c.stream = func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return &unchanging{f: f, r: io.NewSectionReader(f, offset, c.Size-offset), size: c.Size}, nil
	}
	return c, nil
}

// hollow reports whether a large file has next to nothing on disk. No weights are
// compressed that much by a file system.
func hollow(info os.FileInfo) bool {
	const large, ratio, block = 1 << 30, 64, 512
	stat, ok := info.Sys().(*syscall.Stat_t)
	return ok && info.Size() >= large && stat.Blocks*block < info.Size()/ratio
}

// unchanging reads a file to the end that it had, and says so when it has
// another one by then.
type unchanging struct {
	f    *os.File
	r    io.Reader
	size int64
}

// Read implements io.Reader.
func (u *unchanging) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if errors.Is(err, io.EOF) {
		if info, statErr := u.f.Stat(); statErr == nil && info.Size() != u.size {
			return n, fmt.Errorf("it had %d bytes and now has %d: something still writes to it", u.size, info.Size())
		}
	}
	return n, err
}

// Close leaves the handle open: its Content owns it.
func (u *unchanging) Close() error { return nil }

// CheckArtifact says why an artifact cannot be opened as a file, if so.
func CheckArtifact(a sdk.Artifact) error {
	sum, ok := strings.CutPrefix(a.Location, "blob:")
	if !ok {
		return fmt.Errorf("artifact %q is a package (%s), not a file", a.Name, a.MediaType)
	}
	if err := digest.Digest(sum).Validate(); err != nil || sum != a.Digest {
		return fmt.Errorf("artifact %q has no usable digest", a.Name)
	}
	return nil
}

// OpenArtifact opens what another stage made. The context lives as long as the
// content: reading at an offset has no place for one.
func OpenArtifact(ctx context.Context, host *sdk.Host, a sdk.Artifact) (*Content, error) {
	if err := CheckArtifact(a); err != nil {
		return nil, err
	}
	return &Content{
		ReaderAt: &blob{ctx: ctx, host: host, digest: a.Digest}, Size: a.Size, Digest: digest.Digest(a.Digest),
		stream: func(ctx context.Context, offset int64) (io.ReadCloser, error) {
			return host.ReadBlob(ctx, a.Digest, offset, 0)
		},
	}, nil
}

// blob reads pieces of what the host has stored.
type blob struct {
	ctx    context.Context
	host   *sdk.Host
	digest string
}

// ReadAt implements io.ReaderAt.
func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil // a length of 0 would mean all of it
	}
	r, err := b.host.ReadBlob(b.ctx, b.digest, off, int64(len(p)))
	if err != nil {
		return 0, err
	}
	n, err := io.ReadFull(r, p)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	return n, err
}
