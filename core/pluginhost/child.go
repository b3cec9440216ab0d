package pluginhost

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
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

// death says how the process ended, once it has.
func (c *child) death() (string, bool) {
	select {
	case <-c.exited:
	default:
		return "", false
	}
	state := c.cmd.ProcessState
	if state == nil {
		return "its process is gone", true
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return "its process was killed by the signal " + signalName(ws.Signal()), true
	}
	return "its process exited with status " + strconv.Itoa(state.ExitCode()), true
}

// diedAlone is death, unless we killed it.
func (c *child) diedAlone() (string, bool) {
	how, dead := c.death()
	c.mu.Lock()
	defer c.mu.Unlock()
	return how, dead && c.alone
}

// orderly reports whether the process has ended as it was asked to.
func (c *child) orderly() bool {
	state := c.cmd.ProcessState
	return state != nil && state.Success()
}

// running reports whether the process was ever started.
func (c *child) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started
}

func signalName(s syscall.Signal) string {
	names := map[syscall.Signal]string{
		syscall.SIGKILL: "SIGKILL", syscall.SIGSEGV: "SIGSEGV", syscall.SIGABRT: "SIGABRT",
		syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT", syscall.SIGBUS: "SIGBUS", syscall.SIGPIPE: "SIGPIPE",
	}
	if name, ok := names[s]; ok {
		return name
	}
	return s.String()
}

// handshakeError is why there was no handshake.
func (c *child) handshakeError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handshake
}

// The rest is what go-plugin asks of a runner.

// Wait waits for the end of the process.
func (c *child) Wait(context.Context) error {
	<-c.exited
	return nil
}

// Kill ends the process. go-plugin calls it when the start has failed, and
// after it has asked the plugin to end: then, or when it has closed its output
// and may be about to end, there is a moment to do so.
func (c *child) Kill(context.Context) error {
	c.mu.Lock()
	patient := c.ready || errors.Is(c.handshake, errNoHandshake)
	c.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), 2*mourning)
	defer cancel()
	if patient {
		timer := time.NewTimer(mourning)
		defer timer.Stop()
		select {
		case <-c.exited:
			return nil
		case <-timer.C:
		}
	}
	c.killTree(ctx)
	return nil
}

// Stdout is the checked handshake.
func (c *child) Stdout() io.ReadCloser { return c.toHost }

// Stderr is empty: the words of a plugin are kept here.
func (c *child) Stderr() io.ReadCloser { return io.NopCloser(strings.NewReader("")) }

// Name is for go-plugin's messages.
func (c *child) Name() string { return c.binary.path }

// ID is for go-plugin's messages.
func (c *child) ID() string { return c.instance }

// Diagnose adds nothing: the host has the last words.
func (c *child) Diagnose(context.Context) string { return "" }

// PluginToHost leaves addresses alone: there is one file system.
func (c *child) PluginToHost(network, address string) (string, string, error) {
	return network, address, nil
}

// HostToPlugin leaves addresses alone.
func (c *child) HostToPlugin(network, address string) (string, string, error) {
	return network, address, nil
}
