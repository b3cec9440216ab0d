package oci

import (
	"context"
	"errors"
	"io"
	"sync"
)

// readAhead is how many blocks a feed may be ahead of the connection.
const readAhead = 2

// feed is the body of a request: a source from an offset on, checked against the
// ledger block by block. Reading, checking and whatever the source itself does
// go on beside the sending.
type feed struct {
	blocks chan piece
	free   chan []byte
	cancel context.CancelFunc
	done   chan struct{}

	mu   sync.Mutex
	have piece
	err  error // set before blocks is closed
	sent func(n int)
}

// piece is what is unread of a block.
type piece struct{ block, unread []byte }

// newFeed begins to read. The last block of content with a known digest is not
// given out before all of it has that digest: a registry that does not check
// would keep it.
func newFeed(ctx context.Context, src Source, l *ledger, offset int64, sent func(n int)) *feed {
	ctx, cancel := context.WithCancel(ctx)
	f := &feed{
		blocks: make(chan piece, readAhead), free: make(chan []byte, readAhead+1),
		cancel: cancel, done: make(chan struct{}), sent: sent,
	}
	for range readAhead + 1 {
		f.free <- make([]byte, blockSize)
	}
	go func() {
		defer close(f.done)
		if f.err = f.fill(ctx, src, l, offset); f.err == nil {
			f.err = io.EOF
		}
		close(f.blocks)
	}()
	return f
}

func (f *feed) fill(ctx context.Context, src Source, l *ledger, offset int64) (err error) {
	number := int(offset / blockSize)
	at := int64(number) * blockSize
	skip := int(offset - at)
	r, err := src.openAt(ctx, at)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	if src.Size == 0 {
		return ended(r, l, src)
	}
	for ; at < src.Size; number, skip = number+1, 0 {
		var block []byte
		select {
		case block = <-f.free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		content := block[:min(blockSize, src.Size-at)]
		if _, err := io.ReadFull(r, content); err != nil {
			return shorter(err)
		}
		at += int64(len(content))
		if err := l.check(ctx, number, content); err != nil {
			return err
		}
		if at == src.Size {
			if err := ended(r, l, src); err != nil {
				return err
			}
		}
		select {
		case f.blocks <- piece{block: block, unread: content[skip:]}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// ended checks that a source ends where it should, as what it should be.
func ended(r io.Reader, l *ledger, src Source) error {
	n, err := io.ReadFull(r, make([]byte, 1))
	if n > 0 {
		return errChanged
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	if l.ahead {
		return nil // compared block by block
	}
	if err := src.expect(l.desc()); err != nil {
		return errors.Join(errChanged, err)
	}
	return nil
}

// shorter says that content ended before it should.
func shorter(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errChanged
	}
	return err
}

// Read implements io.Reader. The transport may still read after an early answer.
func (f *feed) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.have.unread) == 0 {
		if f.have.block != nil {
			f.free <- f.have.block
			f.have.block = nil
		}
		next, ok := <-f.blocks
		if !ok {
			return 0, f.err
		}
		f.have = next
	}
	n := copy(p, f.have.unread)
	f.have.unread = f.have.unread[n:]
	if f.sent != nil {
		f.sent(n)
	}
	return n, nil
}

// Close ends the reading of the source, and waits for that.
func (f *feed) Close() error {
	f.cancel()
	<-f.done
	return nil
}

// end closes a feed, and says why it broke off, unless it was only closed.
func (f *feed) end() error {
	_ = f.Close() // it never fails
	if errors.Is(f.err, io.EOF) || errors.Is(f.err, context.Canceled) {
		return nil
	}
	return f.err
}
