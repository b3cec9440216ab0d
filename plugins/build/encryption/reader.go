package encryption

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
)

// batch is how many chunks are encrypted at once.
const batch = 16

// batches is how many of those are ahead of the one who reads.
const batches = 2

// OpenAt reads the encrypted file from an offset on. Encrypting goes on beside
// whatever the reader does with it.
func (e *Envelope) OpenAt(ctx context.Context, offset int64) (io.ReadCloser, error) {
	if offset < 0 || offset > e.Size() {
		return nil, fmt.Errorf("offset %d is not within %d bytes", offset, e.Size())
	}
	head := int64(len(e.head))
	first, skip := int64(0), int64(0)
	if offset > head {
		first, skip = (offset-head)/(chunkSize+overhead), (offset-head)%(chunkSize+overhead)
	}
	first = min(first, chunksOf(e.size)-1)
	if offset > head {
		skip = offset - head - first*(chunkSize+overhead)
	}
	plain, err := e.open(ctx, first*chunkSize)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	r := &sealing{full: make(chan []byte, batches), free: make(chan []byte, batches+1), done: make(chan struct{}), cancel: cancel}
	for range batches + 1 {
		r.free <- make([]byte, 0, batch*(chunkSize+overhead))
	}
	go func() {
		defer close(r.done)
		r.err = errors.Join(e.fill(ctx, r, plain, first), plain.Close())
		close(r.full)
	}()
	if offset < head {
		r.have = e.head[offset:]
		return r, nil
	}
	if _, err := io.CopyN(io.Discard, r, skip); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// fill encrypts from a chunk on.
func (e *Envelope) fill(ctx context.Context, r *sealing, plain io.Reader, number int64) error {
	buf := make([]byte, batch*chunkSize)
	for last := chunksOf(e.size); number < last; {
		at := number * chunkSize
		piece := buf[:min(int64(len(buf)), e.size-at)]
		if _, err := io.ReadFull(plain, piece); err != nil {
			return fmt.Errorf("read the weights: %w", unexpected(err))
		}
		if at+int64(len(piece)) == e.size {
			if err := atEnd(plain); err != nil {
				return err
			}
		}
		var out []byte
		select {
		case out = <-r.free:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		var digesting sync.WaitGroup
		digesting.Go(func() { e.note(at, piece) })
		out, number = e.sealAll(out[:0], number, piece)
		digesting.Wait()
		select {
		case r.full <- out:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

func (e *Envelope) sealAll(out []byte, number int64, plain []byte) ([]byte, int64) {
	for first := true; first || len(plain) > 0; first = false {
		n := min(chunkSize, len(plain))
		out = e.seal(out, number, plain[:n])
		plain = plain[n:]
		number++
	}
	return out, number
}

// atEnd checks that plaintext ends where it should.
func atEnd(plain io.Reader) error {
	n, err := io.ReadFull(plain, make([]byte, 1))
	if n > 0 {
		return errors.New("read the weights: they have grown")
	}
	if errors.Is(err, io.EOF) {
		return nil
	}
	return fmt.Errorf("read the weights: %w", err)
}

func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// sealing reads what is being encrypted.
type sealing struct {
	full   chan []byte
	free   chan []byte
	cancel context.CancelFunc
	done   chan struct{}
	err    error // set before full is closed

	have  []byte
	whole []byte // of which have is the rest
}

// Read implements io.Reader.
func (s *sealing) Read(p []byte) (int, error) {
	for len(s.have) == 0 {
		if s.whole != nil {
			s.free <- s.whole
			s.whole = nil
		}
		next, ok := <-s.full
		if !ok && s.err != nil {
			return 0, s.err
		}
		if !ok {
			return 0, io.EOF
		}
		s.have, s.whole = next, next
	}
	n := copy(p, s.have)
	s.have = s.have[n:]
	return n, nil
}

// Close ends the encryption, and waits for that.
func (s *sealing) Close() error {
	s.cancel()
	<-s.done
	return nil
}

// Bytes is the plaintext of something small, for Seal.
func Bytes(plain []byte) Open {
	return func(_ context.Context, offset int64) (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(plain[offset:])), nil
	}
}
