package image

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/build/content"
	"github.com/stagegate/stagegate/plugins/build/oci"
)

// layerSource is the entries as a tar archive that is made anew each time it is
// read, and is the same each time. It is not compressed: a compressor's output
// changes with its version, and the digest with it.
func layerSource(entries []entry) oci.Source {
	size := int64(0)
	for _, e := range entries {
		size += e.size
	}
	return oci.Source{Name: "layer", Size: size, Open: func(ctx context.Context) (io.ReadCloser, error) {
		return content.Pipe(func(w io.Writer) error { return archive(ctx, w, entries) }), nil
	}}
}

// archive writes folders first and files after them, both sorted, all owned by
// root and from the beginning of time.
func archive(ctx context.Context, to io.Writer, entries []entry) error {
	w := tar.NewWriter(to)
	for _, dir := range folders(entries) {
		header := &tar.Header{Typeflag: tar.TypeDir, Name: dir + "/", Mode: 0o755, ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
		if err := w.WriteHeader(header); err != nil {
			return fmt.Errorf("archive %s: %w", dir, err)
		}
	}
	for _, e := range entries {
		if err := add(ctx, w, e); err != nil {
			return fmt.Errorf("archive %s: %w", e.from, err)
		}
	}
	return w.Close()
}

func add(ctx context.Context, w *tar.Writer, e entry) error {
	c, err := e.open(ctx)
	if err != nil {
		return err
	}
	err = w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeReg, Name: strings.TrimPrefix(e.target, "/"), Size: e.size, Mode: e.mode,
		ModTime: time.Unix(0, 0), Format: tar.FormatPAX,
	})
	if err == nil {
		var r io.ReadCloser
		if r, err = c.Stream(ctx); err == nil {
			_, err = io.Copy(w, r)
			err = errors.Join(err, r.Close())
		}
	}
	return errors.Join(err, c.Close())
}

// folders are all parents of the entries, without the leading slash, sorted.
func folders(entries []entry) []string {
	found := make(map[string]bool)
	for _, e := range entries {
		for dir := path.Dir(e.target); dir != "/"; dir = path.Dir(dir) {
			found[strings.TrimPrefix(dir, "/")] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}
