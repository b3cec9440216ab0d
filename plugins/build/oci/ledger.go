package oci

import (
	"context"
	"crypto/sha256"
	"errors"
	"hash"
	"hash/maphash"
	"io"
	"sync"

	"github.com/opencontainers/go-digest"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// blockSize is the piece of content that a ledger has one entry for.
const blockSize = 1 << 20

// ledger has a short sum of each block of content that was digested. Content
// that is read again is known by it to be the same, block by block, before any
// of it leaves, and at a fraction of what digesting it again would cost. The
// seed is secret, so that nobody can make other content with the same sums.
//
// It is filled by one reader, from the first block to the last: by one that
// runs ahead, or by the first that sends.
type ledger struct {
	seed  maphash.Seed
	ahead bool // somebody else fills it

	mu    sync.Mutex
	sums  []uint64
	sum   hash.Hash
	size  int64
	err   error         // why it will never be complete
	moved chan struct{} // closed at every change
}

func newLedger(ahead bool) *ledger {
	return &ledger{seed: maphash.MakeSeed(), ahead: ahead, sum: sha256.New(), moved: make(chan struct{})}
}

var errChanged = errors.New("the content changed while it was sent")

// Write takes what comes next. All but the last call hold a whole block.
func (l *ledger) Write(block []byte) (int, error) {
	_, _ = l.sum.Write(block) // a hash never fails
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sums = append(l.sums, maphash.Bytes(l.seed, block))
	l.size += int64(len(block))
	l.stir()
	return len(block), nil
}

// fail says that no more will come.
func (l *ledger) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
	l.stir()
}

func (l *ledger) stir() {
	close(l.moved)
	l.moved = make(chan struct{})
}

// check compares a block with what was digested, once that is known.
func (l *ledger) check(ctx context.Context, number int, block []byte) error {
	for {
		l.mu.Lock()
		known, err, moved := number < len(l.sums), l.err, l.moved
		var sum uint64
		if known {
			sum = l.sums[number]
		}
		l.mu.Unlock()
		switch {
		case known && sum != maphash.Bytes(l.seed, block):
			return errChanged
		case known:
			return nil
		case err != nil:
			return err
		case !l.ahead:
			_, err := l.Write(block)
			return err
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// desc is what was digested so far.
func (l *ledger) desc() ocispec.Descriptor {
	return ocispec.Descriptor{Digest: digest.NewDigest(digest.SHA256, l.sum), Size: l.size}
}

// lead digests a source from its first byte to its last, ahead of those who
// send it.
func (l *ledger) lead(ctx context.Context, src Source, progress Progress) (ocispec.Descriptor, error) {
	desc, err := l.read(ctx, src, progress)
	if err == nil {
		err = src.expect(desc)
	}
	if err != nil {
		l.fail(err)
		return ocispec.Descriptor{}, err
	}
	return desc, nil
}

func (l *ledger) read(ctx context.Context, src Source, progress Progress) (ocispec.Descriptor, error) {
	r, err := src.Open(ctx)
	if err != nil {
		return ocispec.Descriptor{}, err
	}
	counted := &meter{ctx: ctx, r: r, task: "hashing " + src.Name, total: src.Size, progress: progress}
	block := make([]byte, blockSize)
	for err == nil {
		var n int
		if n, err = io.ReadFull(counted, block); n > 0 {
			_, _ = l.Write(block[:n])
		}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		counted.done()
		err = nil
	}
	return l.desc(), errors.Join(err, r.Close())
}
