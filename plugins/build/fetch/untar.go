package fetch

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/stagegate/stagegate/plugins/build/refusal"
)

// Bounds of an archive.
const (
	maxEntries = 100_000
	maxWindow  = 32 << 20 // memory of a decoder, of which there is one for each layer on its way

	// An archive unpacks to at most its own size, and a compressed one to this
	// many times as much: text does not compress better, and a bomb does.
	maxRatio = 64
	slack    = 1 << 20
)

// put makes one file of what write yields.
type put func(name string, mode os.FileMode, write func(w io.Writer) error) error

// untar unpacks regular files. Links, devices and holes are not what a package
// of data has, and each of them has been a way out of a folder or onto a full
// disk.
func untar(r io.Reader, packed string, size int64, file put) error {
	limit := size
	switch packed {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			return broken(err)
		}
		r, limit = z, size*maxRatio+slack
	case "zstd":
		z, err := zstd.NewReader(r, zstd.WithDecoderMaxMemory(maxWindow), zstd.WithDecoderConcurrency(1))
		if err != nil {
			return broken(err)
		}
		defer z.Close()
		r, limit = z, size*maxRatio+slack
	}
	archive := tar.NewReader(io.LimitReader(r, limit+slack)) // its own blocks count as well
	left := limit
	for count := 0; ; count++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return broken(err)
		}
		if count == maxEntries {
			return hostile("it has more than %d entries", maxEntries)
		}
		regular, err := acceptable(header)
		if err != nil {
			return err
		}
		if !regular {
			continue
		}
		if left -= header.Size; left < 0 {
			return hostile("it unpacks to more than %d bytes, %d times what it has itself", limit, limit/max(size, 1))
		}
		mode := os.FileMode(0o644)
		if header.Mode&0o100 != 0 {
			mode = 0o755
		}
		err = file(header.Name, mode, func(w io.Writer) error {
			if _, err := io.CopyN(w, archive, header.Size); err != nil {
				return broken(err)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}

// acceptable reports whether an entry is a file to unpack.
func acceptable(h *tar.Header) (bool, error) {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return false, hostile("%.200q is sparse", h.Name)
		}
	}
	switch h.Typeflag {
	case tar.TypeReg:
		return true, nil
	case tar.TypeDir:
		if !filepath.IsLocal(h.Name) {
			return false, hostile("%.200q leads out of the folder", h.Name)
		}
		return false, nil // made when it has files
	case tar.TypeXGlobalHeader:
		return false, nil
	case tar.TypeSymlink, tar.TypeLink:
		return false, hostile("%.200q is a link to %.200q", h.Name, h.Linkname)
	case tar.TypeGNUSparse:
		return false, hostile("%.200q is sparse", h.Name)
	}
	return false, hostile("%.200q is no regular file", h.Name)
}

func hostile(format string, values ...any) error {
	return refusal.New("archive_refused", "an archive in the package cannot be unpacked",
		"A package of data has regular files alone, with relative names. Pack it anew, or find out who made it.", fmt.Errorf(format, values...))
}

func broken(err error) error {
	return refusal.Explain(err, "archive_refused", "an archive in the package cannot be unpacked")
}
