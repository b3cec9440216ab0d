package pluginhost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"

	"github.com/stagegate/stagegate/core/pluginhost/internal/proctree"
	"github.com/stagegate/stagegate/sdk/process"
)

// child is the process of a plugin and its pipes. It is go-plugin's Runner,
// and the only one who ends the process.
type child struct {
	binary   *binary
	spawner  *spawner
	bundle   []byte
	instance string
	dir      string // where its socket has to be

	cmd    *exec.Cmd
	life   *os.File // its standard input; the end of it means that we are gone
	words  *lastWords
	toHost *io.PipeReader // its handshake, checked
	line   *io.PipeWriter

	pumps  sync.WaitGroup
	exited chan struct{} // closed when it is reaped and its pipes are read

	mu        sync.Mutex
	started   bool
	killed    bool  // by us, or we are about to
	alone     bool  // it ended before we killed it
	ready     bool  // it has shaken hands
	handshake error // why it has not
}

// Start launches the process: from the very file that was hashed, which is
// looked at again once the kernel has it.
func (c *child) Start(context.Context) error {
	path, inherit := c.binary.executable()
	c.cmd.Path, c.cmd.Args, c.cmd.Dir = path, []string{c.binary.path}, "/"
	c.cmd.ExtraFiles = inherit
	c.cmd.SysProcAttr = attributes()
	stdin, stdout, stderr, err := c.pipes()
	if err != nil {
		return err
	}
	err = c.exec()
	for _, end := range []any{c.cmd.Stdin, c.cmd.Stdout, c.cmd.Stderr} {
		if f, ok := end.(*os.File); ok {
			_ = f.Close()
		}
	}
	if err != nil {
		for _, f := range []*os.File{stdin, stdout, stderr} {
			_ = f.Close()
		}
		return err
	}
	c.life = stdin
	c.pumps.Go(func() { c.readStdout(stdout) })
	c.pumps.Go(func() { _, _ = io.Copy(c.words, stderr) })
	go c.reap(stdout, stderr)
	c.mu.Lock()
	c.started = true
	late := c.killed
	c.mu.Unlock()
	err = c.binary.unchanged()
	if err != nil {
		err = untrusted(c.binary.name, err)
	}
	if late || err != nil {
		_ = c.cmd.Process.Kill()
		return cmp.Or(err, context.Canceled)
	}
	if _, err := c.life.Write(append(c.bundle, 0)); err != nil && !errors.Is(err, syscall.EPIPE) {
		return fmt.Errorf("hand over certificates: %w", err)
	}
	return nil // a plugin that does not read has ended, and says why
}

// exec starts the command. A file that was just written may be busy for as
// long as a process that was forked meanwhile holds it open for writing.
func (c *child) exec() error {
	const tries = 20
	for try := 1; ; try++ {
		err := c.spawner.start(c.cmd)
		if try == tries || !errors.Is(err, syscall.ETXTBSY) {
			return err
		}
		timer := time.NewTimer(time.Duration(try) * time.Millisecond)
		<-timer.C
		again := *c.cmd
		c.cmd = &exec.Cmd{
			Path: again.Path, Args: again.Args, Env: again.Env, Dir: again.Dir, ExtraFiles: again.ExtraFiles,
			Stdin: again.Stdin, Stdout: again.Stdout, Stderr: again.Stderr, SysProcAttr: again.SysProcAttr,
		}
	}
}

// reap waits for the process and then, briefly, for what is still in its
// pipes: a child of it may hold them open for ever.
func (c *child) reap(stdout, stderr *os.File) {
	_ = c.cmd.Wait()
	c.mu.Lock()
	c.alone = !c.killed
	c.mu.Unlock()
	until := time.Now().Add(settle)
	_ = stdout.SetReadDeadline(until)
	_ = stderr.SetReadDeadline(until)
	_ = c.toHost.Close() // nobody may wait for a reader
	c.pumps.Wait()
	_ = c.line.Close()
	for _, f := range []*os.File{stdout, stderr, c.life} {
		_ = f.Close()
	}
	close(c.exited)
}

// killTree ends the process and everything it has started, and waits until
// they are gone or ctx ends.
func (c *child) killTree(ctx context.Context) {
	c.mu.Lock()
	started := c.started
	c.killed = true
	c.mu.Unlock()
	if !started {
		return
	}
	proctree.Kill(ctx, proctree.Mark{Key: process.InstanceVariable, Value: c.instance})
	_ = c.cmd.Process.Kill()
	select {
	case <-c.exited:
	case <-ctx.Done():
	}
}
