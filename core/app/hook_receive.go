package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/source"
	"github.com/stagegate/stagegate/core/trigger"
)

// postReceive starts a process of its own for each pushed branch: the push is
// over when its runs are on disk, not when they are done.
func (a *app) postReceive(ctx context.Context, repository, pipeline string) error {
	updates, err := trigger.ReadPostReceive(a.Stdin)
	if err != nil {
		return usage(err)
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	var problems []error
	for _, u := range updates {
		if u.Branch() == "" || u.Deleted() || ctx.Err() != nil {
			continue
		}
		push := pushed{id: runstate.NewID(now()), repository: repository, commit: u.New, ref: u.Ref, pipeline: pipeline}
		if err := a.detach(s, push); err != nil {
			problems = append(problems, fmt.Errorf("start a run for %s: %w", u.Ref, err))
			continue
		}
		fmt.Fprintf(a.Stdout, "stagegate: run %s for %s at %.12s\n", push.id, u.Ref, u.New)
		fmt.Fprintf(a.Stdout, "stagegate: follow it with: runner show %s\n", push.id)
	}
	return errors.Join(problems...)
}

// readyLimit is how long a detached process may take to make its run.
const readyLimit = 30 * time.Second

// detach starts the process that does the run, and waits until it has made the
// run. It leads a session of its own, so that nothing that happens to the push
// reaches it.
func (a *app) detach(s *session, p pushed) (err error) {
	if err := os.MkdirAll(s.path("hooks"), 0o700); err != nil {
		return err
	}
	output, err := os.OpenFile(s.hookLog(p.id), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { a.closing(&err, output.Close()) }() // the child has its own handle
	ready, tell, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { a.closing(&err, ready.Close()) }()
	cmd := exec.Command(a.Executable, p.arguments()...) //nolint:noctx // it outlives this process on purpose
	cmd.Dir = s.home
	cmd.Env = source.Environment(a.Environ)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{tell}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = errors.Join(cmd.Start(), tell.Close())
	if err != nil {
		return err
	}
	if err := awaitReady(ready); err != nil {
		_ = cmd.Process.Kill() // most likely it has ended already
		_ = cmd.Wait()         // that it failed is known
		return fmt.Errorf("%w: %s", err, beginning(s.hookLog(p.id)))
	}
	return cmd.Process.Release()
}

// readyWord is what the detached process says once it has made its run.
const readyWord = "ready"

func awaitReady(from *os.File) error {
	if err := from.SetReadDeadline(time.Now().Add(readyLimit)); err != nil {
		return err
	}
	said := make([]byte, len(readyWord))
	if _, err := io.ReadFull(from, said); errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("it is not ready after %s", readyLimit)
	} else if err != nil || string(said) != readyWord {
		return errors.New("it has ended")
	}
	return nil
}

// beginning is the first of what a detached process has said.
func beginning(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return "it left no log"
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	text, err := io.ReadAll(io.LimitReader(f, 4<<10))
	if err != nil || len(text) == 0 {
		return "it said nothing"
	}
	return strings.TrimSpace(string(text))
}
