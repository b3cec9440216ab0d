package content

import "io"

// Pipe makes a reader of what write produces. Closing the reader makes write
// fail and waits for it to return.
func Pipe(write func(w io.Writer) error) io.ReadCloser {
	r, w := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		w.CloseWithError(write(w)) // nil means EOF
	}()
	return &pipe{PipeReader: r, done: done}
}

type pipe struct {
	*io.PipeReader
	done <-chan struct{}
}

// Close implements io.Closer.
func (p *pipe) Close() error {
	err := p.PipeReader.Close()
	<-p.done
	return err
}
