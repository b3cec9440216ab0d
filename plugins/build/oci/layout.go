package oci

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"
	"syscall"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ingestFolder holds blobs that are not complete. Each is locked by its writer,
// so that what a killed writer left can be told from what is in use.
const ingestFolder = "ingest"

// Layout is an OCI image layout in a folder. Several may write to the same
// folder at once, in one process or in many. It uses a folder handle instead of
// paths because the folder may lie in a tree that somebody else writes to.
type Layout struct {
	root     *os.Root
	tag      string
	progress Progress

	mu     sync.Mutex
	stored []string // names of the blobs that this layout was given
}

// Stored are the names, relative to the layout's folder, of what was given to
// it since it was opened. It is for the one who gave it.
func (l *Layout) Stored() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Sorted(slices.Values(l.stored))
}

func (l *Layout) given(d digest.Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored = append(l.stored, blobName(d))
}

// Source reads a blob that is stored.
func (l *Layout) Source(name string, desc ocispec.Descriptor) Source {
	openAt := func(_ context.Context, offset int64) (io.ReadCloser, error) {
		f, err := l.root.OpenFile(blobName(desc.Digest), os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
		if err != nil {
			return nil, fmt.Errorf("read blob: %w", err)
		}
		info, err := f.Stat()
		if err == nil && !info.Mode().IsRegular() {
			err = errors.New("it is no regular file")
		}
		if err == nil {
			_, err = f.Seek(offset, io.SeekStart)
		}
		if err != nil {
			return nil, errors.Join(fmt.Errorf("read blob: %w", err), f.Close())
		}
		return f, nil
	}
	return Source{
		Name: name, Digest: desc.Digest, Size: desc.Size, OpenAt: openAt,
		Open: func(ctx context.Context) (io.ReadCloser, error) { return openAt(ctx, 0) },
	}
}

// OpenLayout opens the layout in a folder, and makes it one when it is empty.
// The caller keeps root open for as long as the layout is used.
func OpenLayout(root *os.Root, tag string, progress Progress) (*Layout, error) {
	l := &Layout{root: root, tag: tag, progress: progress}
	for _, dir := range []string{ocispec.ImageBlobsDir + "/sha256", ingestFolder} {
		if err := root.MkdirAll(dir, 0o755); err != nil {
			return nil, fmt.Errorf("create layout: %w", err)
		}
	}
	unlock, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	if err := l.mark(); err != nil {
		return nil, err
	}
	l.sweep()
	return l, nil
}

// mark writes the file by which a layout is recognised, or checks it.
func (l *Layout) mark() error {
	content, err := readSmall(l.root, ocispec.ImageLayoutFile)
	if errors.Is(err, fs.ErrNotExist) {
		return l.replace(ocispec.ImageLayoutFile, []byte(`{"imageLayoutVersion":"`+ocispec.ImageLayoutVersion+`"}`))
	}
	if err != nil {
		return fmt.Errorf("read layout: %w", err)
	}
	return checkVersion(content)
}

// Blob stores content while it reads it, once.
func (l *Layout) Blob(ctx context.Context, src Source) (ocispec.Descriptor, error) {
	if src.Digest != "" && l.has(src.Digest, src.Size) {
		l.given(src.Digest)
		return ocispec.Descriptor{Digest: src.Digest, Size: src.Size}, nil
	}
	if err := CheckRoom(l.root, src.Size); err != nil {
		return ocispec.Descriptor{}, err
	}
	temp, err := l.ingest()
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	desc, err := l.fill(ctx, temp, src)
	// Until the rename the file is locked; afterwards it has another name.
	closeErr := temp.Close()
	if err == nil {
		err = closeErr
	}
	if err != nil {
		return ocispec.Descriptor{}, errors.Join(err, l.forget(temp))
	}
	l.given(desc.Digest)
	return desc, nil
}

func (l *Layout) fill(ctx context.Context, temp *os.File, src Source) (ocispec.Descriptor, error) {
	desc, err := transfer(ctx, src, temp, "packing "+src.Name, l.progress)
	if err != nil {
		return desc, err
	}
	if err := temp.Chmod(0o644); err != nil {
		return desc, fmt.Errorf("store %s: %w", src.Name, err)
	}
	if err := l.root.Rename(ingestName(temp), blobName(desc.Digest)); err != nil {
		return desc, fmt.Errorf("store %s: %w", src.Name, err)
	}
	return desc, nil
}

// ingest creates a locked file for a blob to come.
func (l *Layout) ingest() (*os.File, error) {
	unlock, err := l.lock()
	if err != nil {
		return nil, err
	}
	defer unlock() // only now may a sweep look at the file
	name := ingestFolder + "/" + rand.Text()
	f, err := l.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("create blob: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("lock blob: %w", err), f.Close(), l.root.Remove(name))
	}
	return f, nil
}

func (l *Layout) forget(temp *os.File) error {
	if err := l.root.Remove(ingestName(temp)); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// sweep removes what writers left that were killed. It is not worth failing for.
func (l *Layout) sweep() {
	entries, err := fs.ReadDir(l.root.FS(), ingestFolder)
	if err != nil {
		return
	}
	for _, e := range entries {
		name := ingestFolder + "/" + e.Name()
		f, err := l.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
		if err != nil {
			continue
		}
		if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			_ = l.root.Remove(name)
		}
		_ = f.Close()
	}
}

func (l *Layout) has(d digest.Digest, size int64) bool {
	info, err := l.root.Lstat(blobName(d))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// lock takes the layout for a moment; unlock gives it back.
func (l *Layout) lock() (unlock func(), err error) {
	f, err := l.root.OpenFile(ingestFolder, os.O_RDONLY|syscall.O_DIRECTORY, 0)
	if err != nil {
		return nil, fmt.Errorf("lock layout: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock layout: %w", err), f.Close())
	}
	return func() { _ = f.Close() }, nil
}

func blobName(d digest.Digest) string {
	return path.Join(ocispec.ImageBlobsDir, d.Algorithm().String(), d.Encoded())
}

// ingestName is the name of an ingest file below the root: os.Root gives files
// the absolute name.
func ingestName(f *os.File) string { return ingestFolder + "/" + path.Base(f.Name()) }
