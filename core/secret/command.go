package secret

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/sdk/process"
)

// DefaultTimeout bounds a command whose source names no bound.
const DefaultTimeout = 30 * time.Second

// maxComplaint is how much of the end of a command's standard error is shown.
// More is kept, so that no secret is cut before it is masked.
const (
	maxComplaint     = 2 << 10
	maxComplaintKept = 2*MaxSize + maxComplaint
)

// Command is a program that prints the value.
type Command struct {
	Args    []string      // program and arguments; no shell reads them
	PassEnv []string      // further variables of the runner that it gets
	Timeout time.Duration // 0 means DefaultTimeout
}

// errTooMuch ends a command that prints more than a secret.
var errTooMuch = errors.New("too much output")

// run starts the command in the root folder, with a small environment. What is
// left of it when it ends, or when ctx does, is killed.
func (r *Resolver) run(ctx context.Context, c *Command) ([]byte, error) {
	timeout := c.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	late := fmt.Errorf("the command %s has not ended within %s", c.Args[0], timeout)
	bounded, cancel := context.WithTimeoutCause(ctx, timeout, late)
	defer cancel()
	bounded, stop := context.WithCancelCause(bounded)
	defer stop(nil)
	env := make(map[string]string)
	for _, name := range c.PassEnv {
		if value, ok := r.o.LookupEnv(name); ok {
			env[name] = value
		}
	}
	stdout := &head{limit: MaxSize + 2, full: func() { stop(errTooMuch) }} // with a line end
	stderr := &end{limit: maxComplaintKept}
	exit, err := process.Run(bounded, process.Command{
		Args: c.Args, Dir: "/", Env: env, AttemptID: "secret-" + rand.Text(), Stdout: stdout, Stderr: stderr, Grace: time.Second,
	})
	if err == nil && exit.Code == 0 && !stdout.over {
		return stdout.text, nil
	}
	// Whatever it was going to say is a secret, or a part of one.
	_ = r.o.Masks.Add(string(stdout.text)) // what is too short for that is no secret either
	said := complaint(r.o.Masks.Text(string(stderr.text)))
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case stdout.over:
		return nil, fmt.Errorf("the command %s prints more than %d bytes", c.Args[0], MaxSize)
	case err != nil:
		return nil, fmt.Errorf("%w%s", err, said)
	default:
		return nil, fmt.Errorf("the command %s ended with code %d%s", c.Args[0], exit.Code, said)
	}
}

// complaint is the end of what a command says, after "; it says: ".
func complaint(masked string) string {
	masked = masked[max(0, len(masked)-maxComplaint):]
	masked = strings.TrimSpace(strings.ToValidUTF8(masked, ""))
	if masked == "" {
		return ""
	}
	return "; it says: " + masked
}

// head keeps the beginning of an output.
type head struct {
	text  []byte
	limit int
	over  bool
	full  func()
}

// Write never fails.
func (h *head) Write(p []byte) (int, error) {
	n := min(len(p), h.limit-len(h.text))
	h.text = append(h.text, p[:n]...)
	if n < len(p) && !h.over {
		h.over = true
		h.full()
	}
	return len(p), nil
}

// end keeps the end of an output.
type end struct {
	text  []byte
	limit int
}

// Write never fails.
func (e *end) Write(p []byte) (int, error) {
	e.text = append(e.text, p...)
	if over := len(e.text) - e.limit; over > 0 {
		e.text = append(e.text[:0], e.text[over:]...)
	}
	return len(p), nil
}
