//go:build linux

package process

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// AttemptVariable carries the cookie of an attempt in the environment.
const AttemptVariable = "RUNNER_ATTEMPT"

// InstanceVariable carries the cookie of a plugin's process tree.
const InstanceVariable = "RUNNER_PLUGIN_INSTANCE"

// PassVariable lists, comma separated, the names of further variables that the
// operator passes to commands.
const PassVariable = "RUNNER_PASS_ENV"

// DefaultGrace is the time between the request to end and the kill.
const DefaultGrace = 5 * time.Second

// Command is what to run.
type Command struct {
	Args      []string          // program and arguments; never a shell's words
	Dir       string            // working folder, absolute
	Env       map[string]string // added to the base environment
	AttemptID string            // cookie; required
	Stdin     io.Reader         // nil is empty; for what is small and at hand
	Stdout    io.Writer         // nil discards
	Stderr    io.Writer
	Grace     time.Duration // 0 means DefaultGrace
}

// Exit is how a command ended.
type Exit struct {
	Code   int    // exit code; 128+n when a signal ended it
	Signal string // name of that signal, or empty
}

// StartError says that a command could not be started.
type StartError struct {
	Program string
	Err     error
}

// Error names the program.
func (e *StartError) Error() string {
	if errors.Is(e.Err, exec.ErrNotFound) {
		return fmt.Sprintf("start %s: not found in PATH", e.Program)
	}
	return fmt.Sprintf("start %s: %v", e.Program, e.Err)
}

// Unwrap is the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Run starts the command, waits for it, and then makes sure that nothing with
// its cookie is left. When ctx ends it asks the group to end, waits for the
// grace period, kills what is left, and returns context.Cause(ctx).
//
// A descendant that keeps the output open after the command has exited cannot
// hold Run up: it is killed like the rest.
func Run(ctx context.Context, c Command) (Exit, error) {
	if len(c.Args) == 0 || c.AttemptID == "" {
		return Exit{}, errors.New("run command: it needs a program and an attempt id")
	}
	if err := context.Cause(ctx); err != nil {
		return Exit{}, err
	}
	program, err := lookPath(c.Args[0], c.Dir)
	if err != nil {
		return Exit{}, &StartError{Program: c.Args[0], Err: err}
	}
	out, err := newOutput(c.Stdout, c.Stderr)
	if err != nil {
		return Exit{}, &StartError{Program: c.Args[0], Err: err}
	}
	defer out.close()
	cmd := &exec.Cmd{
		Path: program, Args: c.Args, Dir: c.Dir, Env: c.environment(), Stdin: c.Stdin,
		Stdout: out.stdout.childEnd(), Stderr: out.stderr.childEnd(),
		SysProcAttr: groupAttributes(),
	}
	if err := cmd.Start(); err != nil {
		return Exit{}, &StartError{Program: c.Args[0], Err: err}
	}
	out.start()
	cause := c.supervise(ctx, cmd.Process.Pid)
	// The leader is dead but not reaped, so its group's number is still ours.
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	if orphans() {
		KillTree(AttemptVariable, c.AttemptID)
		killStrays()
	}
	waitErr := cmd.Wait()
	out.finish()
	if cause != nil {
		return exitOf(cmd.ProcessState), cause
	}
	var exitErr *exec.ExitError
	if waitErr != nil && !errors.As(waitErr, &exitErr) {
		return exitOf(cmd.ProcessState), fmt.Errorf("wait for %s: %w", c.Args[0], waitErr)
	}
	return exitOf(cmd.ProcessState), nil
}

// supervise returns when the leader has exited, without reaping it. The error
// is the cause of ctx when that made it end.
func (c Command) supervise(ctx context.Context, pid int) error {
	exited := make(chan struct{})
	go func() {
		defer close(exited)
		waitWithoutReaping(pid)
	}()
	select {
	case <-exited:
		return nil
	case <-ctx.Done():
	}
	grace := c.Grace
	if grace <= 0 {
		grace = DefaultGrace
	}
	_ = syscall.Kill(-pid, syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-exited:
	case <-timer.C:
		_ = syscall.Kill(-pid, syscall.SIGKILL)
		<-exited
	}
	KillTree(AttemptVariable, c.AttemptID)
	return context.Cause(ctx)
}

func exitOf(state *os.ProcessState) Exit {
	if state == nil {
		return Exit{Code: -1}
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return Exit{Code: 128 + int(ws.Signal()), Signal: ws.Signal().String()}
	}
	return Exit{Code: state.ExitCode()}
}
