package cache

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/sdk/inputs"
)

// fileState is how a file of the work folder compares with a result's.
type fileState int

const (
	missing fileState = iota
	same
	differs
)

// state compares a file. What cannot be read differs.
func (c *Cache) state(ctx context.Context, root *os.Root, f runstate.ResultFile) fileState {
	if there, ok := c.assumed.file(f.Path); ok {
		if there.Digest == f.Digest && there.Executable == f.Executable {
			return same
		}
		return differs
	}
	info, err := root.Lstat(f.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return missing
	}
	if err != nil || !info.Mode().IsRegular() || info.Size() != f.Size || info.Mode()&0o100 != 0 != f.Executable {
		return differs
	}
	now, err := c.sums.of(ctx, root, f.Path)
	if err != nil || now.hash != f.Digest {
		return differs
	}
	return same
}

// restore makes a file of the work folder what it was, in one step: whoever
// opens it sees the old content or the new.
func (c *Cache) restore(ctx context.Context, root *os.Root, f runstate.ResultFile) (err error) {
	if !filepath.IsLocal(f.Path) {
		return errors.New("it is not within the pipeline's folder")
	}
	switch state := c.state(ctx, root, f); {
	case state == same:
		return nil
	case state == differs && f.Shared:
		return errors.New("it was changed by others")
	}
	content, err := c.o.Blobs.Open(f.Digest)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // read only: nothing can be lost
	if err := root.MkdirAll(path.Dir(f.Path), 0o755); err != nil {
		return inputs.Plain(err)
	}
	part := path.Join(path.Dir(f.Path), ".stagegate-"+rand.Text())
	if err := copyBlob(ctx, root, part, content, f); err != nil {
		return errors.Join(err, ignoreMissing(root.Remove(part)))
	}
	if err := root.Rename(part, f.Path); err != nil {
		return errors.Join(inputs.Plain(err), ignoreMissing(root.Remove(part)))
	}
	return nil
}

// copyBlob copies a blob to a new file and checks it on the way.
func copyBlob(ctx context.Context, root *os.Root, name string, content io.Reader, f runstate.ResultFile) error {
	mode := fs.FileMode(0o644)
	if f.Executable {
		mode = 0o755
	}
	out, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return inputs.Plain(err)
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(out, hash), untilDone{ctx, content})
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	if got := "sha256:" + hex.EncodeToString(hash.Sum(nil)); got != f.Digest {
		return fmt.Errorf("the kept content is damaged: it is %s, and not %s", got, f.Digest)
	}
	return nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
