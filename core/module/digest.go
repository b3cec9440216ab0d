package module

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// digestPrefix names the method: the SHA-256 of a line "hex  path\n" for each
// file, sorted by path, where hex is the SHA-256 of its content. It is what Go
// and Terraform call h1.
const digestPrefix = "h1:"

// sum is the digest of files that are known by their hex sums.
func sum(files map[string]string) string {
	h := sha256.New()
	names := make([]string, 0, len(files))
	for name := range files {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		fmt.Fprintf(h, "%s  %s\n", files[name], name)
	}
	return digestPrefix + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

func hexSum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// entryName is the folder of a digest in the store.
func entryName(digest string) (string, error) {
	text, ok := strings.CutPrefix(digest, digestPrefix)
	raw, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(raw) != sha256.Size {
		return "", errors.New("it is not h1: and the base64 form of 32 bytes")
	}
	return hex.EncodeToString(raw), nil
}

// measure computes the digest of a folder of the store, in which nothing but
// folders and regular files may be.
func measure(root *os.Root) (string, error) {
	files := make(map[string]string)
	var total int64
	err := fs.WalkDir(root.FS(), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is not a regular file", path)
		}
		f, err := root.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // read only: nothing can be lost
		h := sha256.New()
		n, err := io.Copy(h, io.LimitReader(f, maxBytes+1))
		if total += n; err == nil && (total > maxBytes || len(files) >= maxFiles) {
			err = errors.New("it holds more than a module may")
		}
		files[path] = hexSum(h)
		return err
	})
	return sum(files), err
}
