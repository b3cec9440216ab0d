package cache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/stagegate/stagegate/sdk/inputs"
)

// settled is the age from which on a change shows in a file's times: before, it
// may have been changed twice within one tick of the file system's clock.
const settled = 100 * time.Millisecond

// stamp tells whether a file was written to without reading it. Nobody can set
// the time of its last change.
type stamp struct {
	dev, ino      uint64
	size          int64
	mtime, change syscall.Timespec
}

// sum is a file's content, and the stamp that it had.
type sum struct {
	hash       string // "sha256:<hex>"
	size       int64
	executable bool
	stamp      stamp
	sure       bool // the stamp will differ after any change
}

// sums hashes files, and those that many stages depend on once.
type sums struct {
	mu    *sync.Mutex
	known map[string]sum
}

// of is the content of a regular file within the root.
func (s *sums) of(ctx context.Context, root *os.Root, name string) (sum, error) {
	// O_NONBLOCK: opening a named pipe would wait for its writer.
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return sum{}, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	at, info, err := stampOf(f)
	if err != nil {
		return sum{}, err
	}
	s.mu.Lock()
	known, ok := s.known[name]
	s.mu.Unlock()
	if ok && known.sure && known.stamp == at {
		return known, nil
	}
	out := sum{size: info.Size(), executable: info.Mode()&0o100 != 0, stamp: at, sure: settledAt(at)}
	hash := sha256.New()
	n, err := io.Copy(hash, untilDone{ctx, f})
	if err != nil {
		return sum{}, err
	}
	if after, _, err := stampOf(f); err != nil || after != at || n != info.Size() {
		return sum{}, errors.Join(err, errWritten)
	}
	out.hash = "sha256:" + hex.EncodeToString(hash.Sum(nil))
	s.mu.Lock()
	s.known[name] = out
	s.mu.Unlock()
	return out, nil
}

var errWritten = errors.New("something writes to it")

func settledAt(s stamp) bool { return time.Since(time.Unix(s.change.Unix())) > settled }

func stampOf(f *os.File) (stamp, fs.FileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return stamp{}, nil, err
	}
	if !info.Mode().IsRegular() {
		return stamp{}, nil, inputs.ErrNoRegular
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return stamp{}, nil, fmt.Errorf("look at %s: the system says too little", f.Name())
	}
	return stamp{dev: st.Dev, ino: st.Ino, size: st.Size, mtime: st.Mtim, change: st.Ctim}, info, nil
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

// unchanged reports whether a file that was looked at has not been written to
// since, not even with the same content: who read it meanwhile may have read
// another.
func (s *sums) unchanged(ctx context.Context, root *os.Root, before seen) (bool, error) {
	f, err := root.OpenFile(before.path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return false, err
	}
	now, _, err := stampOf(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return false, err
	}
	if now != before.stamp || before.sure {
		return now == before.stamp, nil
	}
	// It was hashed so soon after a change that another one may not show.
	again, err := s.of(ctx, root, before.path)
	return again.hash == before.hash, err
}
