package process

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"syscall"
)

// Spec describes a process to start.
type Spec struct {
	Executable string
	Args       []string
	Dir        string   // working directory
	Env        []string // complete environment, without the cookie
	Cookie     string
	LogFile    string // gets both output streams
}

// Child is a process that this one has started.
type Child struct {
	Identity
	cmd *exec.Cmd
}

// Start runs the process in a session of its own, so that neither the end of
// this process nor a Ctrl-C at its terminal reaches it. The log begins empty;
// the one before it is kept beside it as evidence of why a repair was needed.
func Start(spec Spec) (*Child, error) {
	err := os.Rename(spec.LogFile, spec.LogFile+".previous")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("keep previous log: %w", err)
	}
	log, err := os.OpenFile(spec.LogFile, os.O_CREATE|os.O_TRUNC|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	defer log.Close()

	// The context is left out on purpose: the child outlives whoever starts it.
	cmd := &exec.Cmd{
		Path:        spec.Executable,
		Args:        append([]string{spec.Executable}, spec.Args...),
		Dir:         spec.Dir,
		Env:         append(append([]string{}, spec.Env...), CookieVariable+"="+spec.Cookie),
		Stdout:      log,
		Stderr:      log,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start process: %w", err)
	}
	id, err := Identify(cmd.Process.Pid)
	if err != nil {
		// It is our own unreaped child, so the pid cannot have been reused.
		return nil, errors.Join(fmt.Errorf("identify process: %w", err), cmd.Process.Kill(), cmd.Wait())
	}
	return &Child{Identity: id, cmd: cmd}, nil
}

// Exited reports whether the child has ended, and how. It must not be called
// from two goroutines at once.
func (c *Child) Exited() (state string, exited bool) {
	if c.cmd.ProcessState == nil {
		if !c.gone() {
			return "", false
		}
		// The child is a zombie by now, so this reaps it without waiting. Its
		// exit status is all that Wait could complain about.
		_ = c.cmd.Wait()
	}
	return c.cmd.ProcessState.String(), true
}
