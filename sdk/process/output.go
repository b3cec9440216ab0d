//go:build linux

package process

import (
	"errors"
	"io"
	"os"
	"sync"
	"time"
)

// chunk is the size of one read, and so of one message: see the limit of
// pluginv1.Log.
const chunk = 32 << 10

// silence is how long a pipe that somebody still holds open may stay quiet
// after everything that could be found has been killed.
const silence = 250 * time.Millisecond

// output carries both streams of a command to their writers.
type output struct {
	stdout, stderr *conduit
	copying        sync.WaitGroup
}

// conduit is one pipe; nil stands for a stream that nobody wants.
type conduit struct {
	read, write *os.File
	to          io.Writer
}

func newOutput(stdout, stderr io.Writer) (*output, error) {
	o := &output{}
	var err error
	if o.stdout, err = newConduit(stdout); err != nil {
		return nil, err
	}
	if o.stderr, err = newConduit(stderr); err != nil {
		o.stdout.close()
		return nil, err
	}
	return o, nil
}

func newConduit(to io.Writer) (*conduit, error) {
	if to == nil {
		return nil, nil //nolint:nilnil // a stream that nobody wants is no conduit
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	return &conduit{read: r, write: w, to: to}, nil
}

// childEnd is what exec.Cmd gets: the interface must be nil, not a nil pointer.
func (c *conduit) childEnd() io.Writer {
	if c == nil {
		return nil
	}
	return c.write
}

// start begins to copy; the child has its own handles by now.
func (o *output) start() {
	for _, c := range []*conduit{o.stdout, o.stderr} {
		if c == nil {
			continue
		}
		_ = c.write.Close()
		o.copying.Go(c.copy)
	}
}

// copy reads until the end of the stream. A deadline is only set once the
// command is dead: from then on it gives up when a whole silence brings
// nothing, so that data still in the pipe is never lost to a slow reader.
func (c *conduit) copy() {
	buf := make([]byte, chunk)
	expired := false
	for {
		n, err := c.read.Read(buf)
		if n > 0 {
			expired = false
			_, _ = c.to.Write(buf[:n])
		}
		switch {
		case err == nil:
		case errors.Is(err, os.ErrDeadlineExceeded) && !expired:
			expired = true
			_ = c.read.SetReadDeadline(time.Now().Add(silence))
		default:
			return
		}
	}
}

// finish waits for what is left in the pipes.
func (o *output) finish() {
	for _, c := range []*conduit{o.stdout, o.stderr} {
		if c != nil {
			_ = c.read.SetReadDeadline(time.Now().Add(silence))
		}
	}
	o.copying.Wait()
}

func (o *output) close() {
	o.stdout.close()
	o.stderr.close()
}

func (c *conduit) close() {
	if c != nil {
		_ = c.read.Close()
		_ = c.write.Close()
	}
}
