package container

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/stagegate/stagegate/plugins/internal/engine"
)

// Bounds of what is fetched by a pattern.
const (
	maxFetched = 10_000
	maxEntries = 1_000_000
)

// Fetch copies what a path or glob below the writable folder means into a folder
// of this machine, at most a number of bytes. Nothing but regular files is
// taken, and nothing is followed. That there is no file is no error.
func (b *Box) Fetch(ctx context.Context, pattern string, into *os.Root, most int64) error {
	fixed := fixedOf(pattern)
	archive, err := b.CopyOut(ctx, fixed)
	if errors.Is(err, engine.ErrNoFile) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", path.Join(b.writable, fixed), err)
	}
	f := fetch{pattern: pattern, fixed: fixed, into: into, left: most, most: most}
	err = f.all(archive)
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return errors.Join(err, archive.Close())
}

// fixedOf is what stands before a pattern's first special character: all of it
// where there is none.
func fixedOf(pattern string) string {
	segments := strings.Split(pattern, "/")
	for i, s := range segments {
		if strings.ContainsAny(s, `*?[\`) {
			return path.Join(append([]string{"."}, segments[:i]...)...)
		}
	}
	return pattern
}

type fetch struct {
	pattern, fixed string
	into           *os.Root
	left, most     int64
	files, entries int
}

func (f *fetch) all(archive *engine.Archive) error {
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read what the container has written: %w", err)
		}
		if f.entries++; f.entries > maxEntries {
			return fmt.Errorf("there are more than %d files in %s", maxEntries, f.fixed)
		}
		// The archive's names begin with the last segment of what was asked for.
		_, below, _ := strings.Cut(strings.TrimSuffix(h.Name, "/"), "/")
		name := path.Join(f.fixed, below)
		if ok, err := path.Match(f.pattern, name); err != nil || !ok {
			continue
		}
		if err := f.one(name, h, archive); err != nil {
			return err
		}
	}
}

func (f *fetch) one(name string, h *tar.Header, in io.Reader) error {
	if err := Regular(name, h); err != nil {
		return err
	}
	if f.files++; f.files > maxFetched {
		return fmt.Errorf("%s matches more than %d files", f.pattern, maxFetched)
	}
	if f.left -= h.Size; f.left < 0 {
		return fmt.Errorf("%s has more than %d bytes", f.pattern, f.most)
	}
	if err := f.into.MkdirAll(path.Dir(name), 0o700); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	out, err := f.into.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("make file: %w", err)
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// Regular refuses what is not a file of its own.
func Regular(name string, h *tar.Header) error {
	switch h.Typeflag {
	case tar.TypeReg:
		return nil
	case tar.TypeSymlink:
		return fmt.Errorf("%s is a symbolic link, not a regular file", name)
	case tar.TypeLink:
		return fmt.Errorf("%s is a second name of %s, not a file of its own", name, h.Linkname)
	case tar.TypeDir:
		return fmt.Errorf("%s is a folder, not a regular file", name)
	}
	return fmt.Errorf("%s is a special file, not a regular one", name)
}
