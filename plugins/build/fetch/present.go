package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"syscall"

	"github.com/stagegate/stagegate/plugins/build/inventory"
	"golang.org/x/sync/errgroup"
)

// present says which layers are in their place already, byte for byte: what an
// earlier run has fetched costs reading it, and not another download.
func (f *fetcher) present(ctx context.Context, into *os.Root, layers []inventory.Layer) ([]bool, error) {
	found := make([]bool, len(layers))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallelLayers)
	for i, l := range layers {
		if l.Archive() != "" {
			continue // its files have no digests before they are unpacked
		}
		group.Go(func() error {
			found[i] = f.same(ctx, into, l)
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			return nil
		})
	}
	return found, group.Wait()
}

// same reports whether a file is what a layer is to become. When in doubt it is
// not, and is fetched.
func (f *fetcher) same(ctx context.Context, into *os.Root, l inventory.Layer) bool {
	file, err := into.OpenFile(l.Name, os.O_RDONLY|syscall.O_NONBLOCK|syscall.O_NOFOLLOW, 0)
	if err != nil {
		return false
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil || !info.Mode().IsRegular() || info.Mode()&0o100 != l.Mode&0o100 {
		return false
	}
	if size, known := l.Size(); known && size != info.Size() {
		return false
	}
	sum := sha256.New()
	done := int64(0)
	buffer := make([]byte, copyBuffer)
	for ctx.Err() == nil {
		n, err := file.Read(buffer)
		_, _ = sum.Write(buffer[:n]) // a hash never fails
		done += int64(n)
		f.progress("checking "+l.Title(), done, info.Size())
		if errors.Is(err, io.EOF) {
			return "sha256:"+hex.EncodeToString(sum.Sum(nil)) == l.Digest()
		}
		if err != nil {
			return false
		}
	}
	return false
}
