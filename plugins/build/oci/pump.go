package oci

import (
	"errors"
	"hash"
	"io"
)

// Pieces in which content moves. Digesting is the slowest part of it, so the
// pieces that are read ahead of it are few.
const (
	pieceSize  = 512 << 10
	pieceCount = 4
)

// pump copies r to w and digests it on another processor meanwhile. The digest
// is of the very bytes that were written.
func pump(w io.Writer, sum hash.Hash, r io.Reader) (int64, error) {
	free, full := make(chan []byte, pieceCount), make(chan []byte, pieceCount)
	for range pieceCount {
		free <- make([]byte, pieceSize)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for piece := range full {
			_, _ = sum.Write(piece) // a hash never fails
			free <- piece[:pieceSize]
		}
	}()
	total, err := int64(0), error(nil)
	for err == nil {
		piece := <-free
		var n int
		n, err = io.ReadFull(r, piece)
		if n == 0 {
			break
		}
		full <- piece[:n]
		written, writeErr := w.Write(piece[:n])
		total += int64(written)
		if writeErr == nil && written < n {
			writeErr = io.ErrShortWrite
		}
		if writeErr != nil {
			err = writeErr
		}
	}
	close(full)
	<-done
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = nil
	}
	return total, err
}
