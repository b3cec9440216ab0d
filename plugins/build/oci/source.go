package oci

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source is content that can be read more than once and is the same each time.
type Source struct {
	Name   string        // for progress and messages
	Digest digest.Digest // empty when it is not known yet
	Size   int64         // only read when Digest is set, and as an estimate otherwise
	Open   func(ctx context.Context) (io.ReadCloser, error)
}

// Bytes is a source of content in memory.
func Bytes(name string, content []byte) Source {
	return Source{
		Name: name, Digest: digest.FromBytes(content), Size: int64(len(content)),
		Open: func(context.Context) (io.ReadCloser, error) {
			return io.NopCloser(bytes.NewReader(content)), nil
		},
	}
}

// Progress is told how far an operation is, in bytes.
type Progress func(task string, current, total int64)

// Target is a place for blobs and manifests.
type Target interface {
	// Blob stores content and says what it was. A blob that is already there
	// is not sent again. Nothing half written can be seen under its digest.
	Blob(ctx context.Context, src Source) (ocispec.Descriptor, error)

	// Manifest stores a manifest under its digest and the target's tag, if it
	// has one. All that it names has been stored before.
	Manifest(ctx context.Context, mediaType string, content []byte) (ocispec.Descriptor, error)
}

// measure reads a source once to learn its digest and size.
func measure(ctx context.Context, src Source, progress Progress) (ocispec.Descriptor, error) {
	return transfer(ctx, src, io.Discard, "hashing "+src.Name, progress)
}

// transfer copies a source to w and digests it on the way. A source that knows
// its digest must have it.
func transfer(ctx context.Context, src Source, w io.Writer, task string, progress Progress) (ocispec.Descriptor, error) {
	r, err := src.Open(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	sum := digest.SHA256.Digester()
	counted := &meter{ctx: ctx, r: r, task: task, total: src.Size, progress: progress}
	n, err := pump(w, sum.Hash(), counted)
	if closeErr := r.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return ocispec.Descriptor{}, fmt.Errorf("%s: %w", task, err)
	}
	counted.done()
	desc := ocispec.Descriptor{Digest: sum.Digest(), Size: n}
	if src.Digest != "" && (src.Digest != desc.Digest || src.Size != desc.Size) {
		return ocispec.Descriptor{}, &ChangedError{Name: src.Name, Want: src.Digest, Got: desc.Digest}
	}
	return desc, nil
}

// ChangedError says that content is not what it was, or not what its digest
// says.
type ChangedError struct {
	Name      string
	Want, Got digest.Digest
}

// Error names both digests.
func (e *ChangedError) Error() string {
	return fmt.Sprintf("%s has digest %s where %s was expected", e.Name, e.Got, e.Want)
}

// meter counts what is read, and ends a copy when ctx ends.
type meter struct {
	ctx      context.Context // of the one call of transfer that owns it
	r        io.Reader
	task     string
	read     int64
	total    int64
	progress Progress
	touch    func() // told about every read that yields something, if set
}

func (m *meter) Read(p []byte) (int, error) {
	if m.ctx.Err() != nil {
		return 0, context.Cause(m.ctx)
	}
	n, err := m.r.Read(p)
	m.read += int64(n)
	if n > 0 {
		if m.touch != nil {
			m.touch()
		}
		if m.progress != nil {
			m.progress(m.task, m.read, max(m.total, m.read))
		}
	}
	return n, err
}

func (m *meter) done() {
	if m.progress != nil {
		m.progress(m.task, m.read, m.read)
	}
}
