package runstate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"
)

// staleAfter is the age at which a temporary file belongs to nobody: whoever
// writes a blob touches it all the time.
const staleAfter = 24 * time.Hour

var digestPattern = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// fileBlobs keeps each blob in a file named by its digest.
type fileBlobs struct{ dir string }

var _ Blobs = fileBlobs{}

// Put stores what r yields. A blob that is there already is written again: that
// repairs one that has been damaged.
func (b fileBlobs) Put(ctx context.Context, r io.Reader) (digest string, size int64, err error) {
	f, err := os.CreateTemp(filepath.Join(b.dir, "tmp"), "put-*")
	if err != nil {
		return "", 0, fmt.Errorf("store blob: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("store blob: %w", err), ignoreClosed(f.Close()), os.Remove(f.Name()))
		}
	}()
	hash := sha256.New()
	size, err = io.Copy(io.MultiWriter(f, hash), untilDone{ctx, r})
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return "", 0, err
	}
	sum := hex.EncodeToString(hash.Sum(nil))
	shelf := filepath.Join(b.dir, "sha256")
	if err := os.Rename(f.Name(), filepath.Join(shelf, sum)); err != nil {
		return "", 0, err
	}
	return "sha256:" + sum, size, syncDir(shelf)
}

// Open opens a blob.
func (b fileBlobs) Open(digest string) (*os.File, error) {
	if !digestPattern.MatchString(digest) {
		return nil, fmt.Errorf("open blob %q: %w: a digest is sha256: and 64 hexadecimal digits", digest, ErrNotFound)
	}
	f, err := os.Open(filepath.Join(b.dir, "sha256", digest[len("sha256:"):]))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("open blob %s: %w", digest, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open blob %s: %w", digest, err)
	}
	return f, nil
}

// untilDone ends a copy when its context ends.
type untilDone struct {
	ctx context.Context
	r   io.Reader
}

// Read reads unless the context has ended.
func (u untilDone) Read(p []byte) (int, error) {
	if err := context.Cause(u.ctx); err != nil {
		return 0, err
	}
	return u.r.Read(p)
}

func ignoreClosed(err error) error {
	if errors.Is(err, fs.ErrClosed) {
		return nil
	}
	return err
}

// sweepBlobs removes what killed runners left half written. What cannot be
// removed takes space and does no other harm.
func (s *FileStore) sweepBlobs() {
	left, _ := filepath.Glob(filepath.Join(s.home, "blobs", "tmp", "put-*"))
	for _, path := range left {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = os.Remove(path)
		}
	}
}
