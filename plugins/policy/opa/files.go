package opa

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of one bundle.
const (
	maxFiles   = 512
	maxEntries = 4096
	maxBytes   = 4 << 20
	maxDepth   = 16
	manifest   = ".manifest"
)

//go:embed all:bundle
var embedded embed.FS

// bundleFiles are the files of a bundle that count, by slashed path.
type bundleFiles map[string][]byte

// builtin is the compliance bundle. It is part of the binary: reading it cannot
// fail, and if it could, a bundle without rules denies.
func builtin() bundleFiles {
	files := bundleFiles{}
	root, err := fs.Sub(embedded, "bundle")
	if err == nil {
		err = files.walk(root, counts)
	}
	if err != nil {
		return nil
	}
	return files
}

// readBundle reads what is evaluated of a folder or tarball below dir.
func readBundle(dir, name string) (bundleFiles, error) { return readFiles(dir, name, counts) }

// readFiles reads the files that are wanted of a folder or tarball below dir.
// Nothing outside dir is read, whatever links say.
func readFiles(dir, name string, wanted func(name string) bool) (bundleFiles, error) {
	relative := name
	if filepath.IsAbs(name) {
		var err error
		if relative, err = filepath.Rel(dir, name); err != nil || !filepath.IsLocal(relative) {
			return nil, errors.New("it is outside the pipeline's folder")
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	info, err := root.Stat(relative)
	if err != nil {
		return nil, err
	}
	files := bundleFiles{}
	if info.IsDir() {
		below, err := root.OpenRoot(relative)
		if err != nil {
			return nil, err
		}
		defer func() { _ = below.Close() }()
		return files, files.walk(below.FS(), wanted)
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("it is neither a folder nor a file")
	}
	f, err := root.Open(relative)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return files, files.untar(f, wanted)
}

func (b bundleFiles) walk(root fs.FS, wanted func(name string) bool) error {
	entries := 0
	return fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entries++; entries > maxEntries {
			return fmt.Errorf("it has more than %d entries", maxEntries)
		}
		if d.IsDir() {
			if strings.Count(name, "/") >= maxDepth {
				return fmt.Errorf("%s is more than %d folders deep", name, maxDepth)
			}
			return nil
		}
		if !wanted(name) {
			return nil
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", name)
		}
		f, err := root.Open(name)
		if err != nil {
			return err
		}
		return errors.Join(b.add(name, f), f.Close())
	})
}

func (b bundleFiles) untar(r io.Reader, wanted func(name string) bool) error {
	unzipped, err := gzip.NewReader(r)
	if err != nil {
		return fmt.Errorf("it is no gzipped tarball: %w", err)
	}
	archive := tar.NewReader(io.LimitReader(unzipped, 4*maxBytes))
	for entries := 0; ; entries++ {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read tarball: %w", err)
		}
		if entries == maxEntries {
			return fmt.Errorf("it has more than %d entries", maxEntries)
		}
		name := strings.TrimPrefix(path.Clean("/"+header.Name), "/")
		if !wanted(name) || header.Typeflag == tar.TypeDir {
			continue
		}
		if header.Typeflag != tar.TypeReg {
			return fmt.Errorf("%s is not a regular file", name)
		}
		if err := b.add(name, archive); err != nil {
			return err
		}
	}
}

// counts reports whether a file is part of what is evaluated. Tests and
// whatever else lies there are not.
func counts(name string) bool {
	switch base := path.Base(name); base {
	case "data.json", "data.yaml":
		return true
	case manifest:
		return name == manifest
	default:
		return strings.HasSuffix(base, ".rego") && !strings.HasSuffix(base, "_test.rego")
	}
}

func (b bundleFiles) add(name string, r io.Reader) error {
	if _, taken := b[name]; taken {
		return fmt.Errorf("it holds %s twice", name)
	}
	if len(b) == maxFiles {
		return fmt.Errorf("it has more than %d files", maxFiles)
	}
	left := maxBytes
	for _, data := range b {
		left -= len(data)
	}
	data, err := io.ReadAll(io.LimitReader(r, int64(left)+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(data) > left {
		return fmt.Errorf("it has more than %d bytes", maxBytes)
	}
	b[name] = data
	return nil
}

// digest is over names and contents, each with its length, so that no two
// bundles share one.
func (b bundleFiles) digest() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(b)) {
		// A hash takes everything.
		_, _ = fmt.Fprintf(h, "%d %s %d ", len(name), name, len(b[name]))
		_, _ = h.Write(b[name])
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
