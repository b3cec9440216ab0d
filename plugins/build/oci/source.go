package oci

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// Source is content that can be read more than once and is the same each time.
type Source struct {
	Name   string        // for progress and messages
	Digest digest.Digest // empty when it is not known yet
	Size   int64         // an estimate when neither Digest nor OpenAt is set
	Open   func(ctx context.Context) (io.ReadCloser, error)
	// OpenAt reads from an offset on. Without it, what lies before is read and
	// thrown away.
	OpenAt func(ctx context.Context, offset int64) (io.ReadCloser, error)
	// Fresh says that it is made for this push, so that no place can have it.
	Fresh bool
}

// openAt is OpenAt, whatever the source has.
func (s Source) openAt(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if s.OpenAt != nil {
		return s.OpenAt(ctx, offset)
	}
	r, err := s.Open(ctx)
	if err != nil || offset == 0 {
		return r, err
	}
	if _, err := io.CopyN(io.Discard, r, offset); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// expect compares what a source was with what it said of itself.
func (s Source) expect(got ocispec.Descriptor) error {
	if s.Digest != "" && (s.Digest != got.Digest || s.Size != got.Size) {
		return &ChangedError{Name: s.Name, Want: s.Digest, Got: got.Digest}
	}
	return nil
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
	return desc, src.expect(desc)
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
}

func (m *meter) Read(p []byte) (int, error) {
	if m.ctx.Err() != nil {
		return 0, context.Cause(m.ctx)
	}
	n, err := m.r.Read(p)
	m.read += int64(n)
	if n > 0 && m.progress != nil {
		m.progress(m.task, m.read, max(m.total, m.read))
	}
	return n, err
}

func (m *meter) done() {
	if m.progress != nil {
		m.progress(m.task, m.read, m.read)
	}
}
