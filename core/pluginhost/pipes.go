package pluginhost

import (
	"bufio"
	"fmt"
	"io"
	"os"
)

// pipes are made by hand: exec.Cmd's own would let a child of the plugin that
// keeps one open hold Wait up.
func (c *child) pipes() (stdin, stdout, stderr *os.File, err error) {
	var ours, theirs [3]*os.File
	for i := range ours {
		r, w, pipeErr := os.Pipe()
		if pipeErr != nil {
			err = fmt.Errorf("make pipe: %w", pipeErr)
			break
		}
		if i == 0 {
			ours[i], theirs[i] = w, r
		} else {
			ours[i], theirs[i] = r, w
		}
	}
	if err != nil {
		for _, f := range append(ours[:], theirs[:]...) {
			if f != nil {
				_ = f.Close()
			}
		}
		return nil, nil, nil, err
	}
	c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr = theirs[0], theirs[1], theirs[2]
	return ours[0], ours[1], ours[2], nil
}

// readStdout hands the handshake on and drops the rest: nothing of the
// protocol comes this way.
func (c *child) readStdout(stdout *os.File) {
	r := bufio.NewReaderSize(stdout, maxHandshake)
	line, err := readHandshake(r, c.dir)
	c.mu.Lock()
	c.handshake, c.ready = err, err == nil
	c.mu.Unlock()
	if err != nil {
		_ = c.line.CloseWithError(err)
	} else {
		_, _ = io.WriteString(c.line, line)
	}
	_, _ = io.Copy(io.Discard, r)
}
