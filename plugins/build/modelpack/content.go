package modelpack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/stagegate/stagegate/plugins/build/workspace"
	"github.com/stagegate/stagegate/sdk"
)

// file is one file to be, before it is read.
type file struct {
	name string // in the package, slash-separated
	from string // for messages
	open func(ctx context.Context) (*content, error)
}

// content is an open file. What is inspected and what is packed come from the
// same handle, so that nobody can exchange the file in between.
type content struct {
	io.ReaderAt
	size   int64
	digest digest.Digest // when it is known before it is read
	mode   uint32
	stream func(ctx context.Context) (io.ReadCloser, error)
	close  func() error
}

func (c *content) section() *io.SectionReader { return io.NewSectionReader(c, 0, c.size) }

// fromWorkspace is a file of the work folder.
func fromWorkspace(tree *workspace.Tree, local, name string) file {
	return file{name: name, from: local, open: func(context.Context) (*content, error) {
		f, info, err := tree.File(local)
		if err != nil {
			return nil, err
		}
		mode := uint32(0o644)
		if info.Mode()&0o100 != 0 {
			mode = 0o755
		}
		c := &content{ReaderAt: f, size: info.Size(), mode: mode, close: f.Close}
		c.stream = func(context.Context) (io.ReadCloser, error) {
			return &unchanging{f: f, r: c.section(), size: c.size}, nil
		}
		return c, nil
	}}
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

// Close leaves the handle open: its content owns it.
func (u *unchanging) Close() error { return nil }

// fromArtifact is a file that another stage made.
func fromArtifact(host *sdk.Host, a sdk.Artifact, name string) (file, error) {
	sum, ok := strings.CutPrefix(a.Location, "blob:")
	if !ok {
		return file{}, fmt.Errorf("artifact %q is a package (%s), not a file", name, a.MediaType)
	}
	d := digest.Digest(sum)
	if err := d.Validate(); err != nil || sum != a.Digest {
		return file{}, fmt.Errorf("artifact %q has no usable digest", name)
	}
	return file{name: name, from: "artifact " + a.Name, open: func(ctx context.Context) (*content, error) {
		return &content{
			ReaderAt: &blob{ctx: ctx, host: host, digest: sum}, size: a.Size, digest: d, mode: 0o644,
			stream: func(ctx context.Context) (io.ReadCloser, error) { return host.ReadBlob(ctx, sum, 0, 0) },
			close:  func() error { return nil },
		}, nil
	}}, nil
}

// blob reads pieces of what the host has stored. It lives for one inspection,
// whose context it carries because io.ReaderAt has no place for one.
type blob struct {
	ctx    context.Context
	host   *sdk.Host
	digest string
}

// ReadAt implements io.ReaderAt.
func (b *blob) ReadAt(p []byte, off int64) (int, error) {
	if len(p) == 0 {
		return 0, nil
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
