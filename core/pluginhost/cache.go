package pluginhost

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/proto"
)

// cacheEntries is how many descriptions are kept.
const cacheEntries = 64

const cacheSuffix = ".describe"

// cache keeps descriptions by the digest of the binary that gave them. It is
// no more than a shortcut: whatever is wrong with it, the plugin is asked.
type cache struct{ dir string }

func (c cache) path(digest string) string {
	return filepath.Join(c.dir, strings.TrimPrefix(digest, "sha256:")+cacheSuffix)
}

// load reads a description. A file holds the SHA-256 of the rest, and then the
// message; one that does not fit is as good as none.
func (c cache) load(name, digest string) (*pluginv1.DescribeResponse, bool) {
	d, ok := c.read(digest)
	return d, ok && checkDescription(name, d) == nil
}

// read reads the description of whatever plugin it is of.
func (c cache) read(digest string) (*pluginv1.DescribeResponse, bool) {
	if c.dir == "" {
		return nil, false
	}
	f, err := os.Open(c.path(digest))
	if err != nil {
		return nil, false
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(f, sha256.Size+maxDescription+1))
	if err != nil || len(data) < sha256.Size {
		return nil, false
	}
	sum, body := data[:sha256.Size], data[sha256.Size:]
	if got := sha256.Sum256(body); !bytes.Equal(sum, got[:]) {
		return nil, false
	}
	d := new(pluginv1.DescribeResponse)
	if proto.Unmarshal(body, d) != nil {
		return nil, false
	}
	return d, true
}

// store writes a description in one step and drops the oldest beyond the
// limit.
func (c cache) store(digest string, d *pluginv1.DescribeResponse) error {
	if c.dir == "" {
		return nil
	}
	body, err := proto.MarshalOptions{Deterministic: true}.Marshal(d)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(c.dir, ".describe-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone after the rename
	sum := sha256.Sum256(body)
	_, err = f.Write(append(sum[:], body...))
	if err = cmp.Or(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), c.path(digest)); err != nil {
		return err
	}
	c.prune()
	return nil
}

func (c cache) prune() {
	entries, err := os.ReadDir(c.dir)
	if err != nil {
		return
	}
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil && strings.HasSuffix(e.Name(), cacheSuffix) {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	for _, info := range infos[min(len(infos), cacheEntries):] {
		_ = os.Remove(filepath.Join(c.dir, info.Name()))
	}
}
