package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/pkg/stdcopy"
)

// Patience with a container that has been told to end, and with an engine that
// is asked to end it.
const (
	stopSeconds = 3
	stopTimeout = 5 * time.Second
)

// Exit is how a container ended.
type Exit struct {
	Code int
	// OutOfMemory says that the kernel killed something in it at its limit.
	OutOfMemory bool
}

// LostError says that the engine went away while a container ran.
type LostError struct{ Err error }

// Error is the reason.
func (e *LostError) Error() string { return "the engine has gone away: " + e.Err.Error() }

// Unwrap is the cause.
func (e *LostError) Unwrap() error { return e.Err }

// Run starts a container and passes on what it prints until it has ended. When
// ctx ends, it is asked to end and killed if it does not; the error is then the
// cause of ctx. The container is left for its caller to look at and to remove.
func (e *Engine) Run(ctx context.Context, id string, stdout, stderr io.Writer) (Exit, error) {
	attached, err := e.client.ContainerAttach(ctx, id, container.AttachOptions{Stream: true, Stdout: true, Stderr: true})
	if err != nil {
		return Exit{}, ended(ctx, fmt.Errorf("attach to container: %w", said(err)))
	}
	printed := &printing{done: make(chan struct{})}
	go func() {
		defer close(printed.done)
		_, printed.err = stdcopy.StdCopy(stdout, stderr, attached.Reader)
	}()
	defer func() { // nothing is written once this has returned
		attached.Close()
		<-printed.done
	}()
	// Its own context: it goes on while the container is being stopped.
	waiting, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	code, failed := e.client.ContainerWait(waiting, id, container.WaitConditionNextExit)
	if err := e.start(ctx, id); err != nil {
		return Exit{}, err
	}
	if err := e.follow(ctx, id, code, failed, printed); err != nil {
		return Exit{}, err
	}
	return e.exit(ctx, id)
}

// printing is what a container prints; the error is there when it is done.
type printing struct {
	done chan struct{}
	err  error
}

// follow returns when the container has ended and all that it printed is passed on.
func (e *Engine) follow(ctx context.Context, id string, code <-chan container.WaitResponse, failed <-chan error, printed *printing) error {
	select {
	case <-ctx.Done():
		return e.halt(ctx, id, code, failed, printed)
	case err := <-failed:
		return &LostError{err}
	case <-code:
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-printed.done:
	}
	if printed.err != nil {
		return &LostError{fmt.Errorf("read what the container printed: %w", printed.err)}
	}
	return nil
}

// halt ends a container whose last words are still wanted.
func (e *Engine) halt(ctx context.Context, id string, code <-chan container.WaitResponse, failed <-chan error, printed *printing) error {
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	seconds := stopSeconds
	// Whatever comes of it, removing the container comes next and kills it.
	if e.client.ContainerStop(stopping, id, container.StopOptions{Timeout: &seconds}) == nil {
		select {
		case <-code:
			select {
			case <-printed.done:
			case <-stopping.Done():
			}
		case <-failed: //nolint:errcheck // removing the container comes next either way
		case <-stopping.Done():
		}
	}
	return context.Cause(ctx)
}

// exit asks how it ended: waiting tells the code, and nothing of the memory.
func (e *Engine) exit(ctx context.Context, id string) (Exit, error) {
	found, err := e.client.ContainerInspect(ctx, id)
	if err != nil {
		if ctx.Err() != nil {
			return Exit{}, context.Cause(ctx)
		}
		return Exit{}, fmt.Errorf("inspect container: %w", said(err))
	}
	if found.State == nil {
		return Exit{}, errors.New("inspect container: it has no state")
	}
	return Exit{Code: found.State.ExitCode, OutOfMemory: found.State.OOMKilled}, nil
}

// gone reports whether an error says that something is not there.
func gone(err error) bool { return errdefs.IsNotFound(err) }
