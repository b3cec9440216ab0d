package source

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// timeout bounds all questions to git together.
const timeout = 10 * time.Second

// maxAnswer bounds one answer of git.
const maxAnswer = 1 << 20

// Facts of the tree. The zero value describes a folder outside any repository.
type Facts struct {
	Commit     string // full id
	Ref        string // full name of the branch, or empty on a detached head
	Branch     string
	Tag        string // a tag that points at the commit, the first by name
	Clean      bool   // no change and no untracked file
	Modified   bool   // a file that git knows has changed
	Repository string // address of the remote "origin" without credentials
}

// Read asks git about the folder. Outside a repository, or without git, the
// facts are empty; an error means that there is a repository and git cannot
// read it.
func Read(ctx context.Context, dir string) (Facts, error) {
	if !insideRepository(dir) {
		return Facts{}, nil
	}
	if _, err := exec.LookPath("git"); err != nil {
		return Facts{}, nil
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("git took longer than %s", timeout))
	defer cancel()
	return git{dir: dir}.facts(ctx)
}

// facts asks everything at once: each answer waits for the start of a process
// and for the disk.
func (g git) facts(ctx context.Context) (Facts, error) {
	var status, tags, remote string
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		if status, err = g.ask(ctx, "status", "--porcelain=v2", "--branch", "--untracked-files=normal"); err != nil {
			return fmt.Errorf("read the state of the repository: %w", err)
		}
		return nil
	})
	var tagsErr error // where nothing is committed yet, there is no HEAD to ask about
	group.Go(func() error {
		tags, tagsErr = g.ask(ctx, "tag", "--points-at", "HEAD", "--sort=refname")
		return nil
	})
	group.Go(func() (err error) {
		// It exits with 1 where there is none, which is nothing unusual.
		remote, err = g.ask(ctx, "config", "--get", "remote.origin.url")
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the address of the repository: %w", err)
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return Facts{}, err
	}
	facts := parseStatus(status)
	if facts.Commit != "" {
		if tagsErr != nil {
			return Facts{}, fmt.Errorf("read the tags of the commit: %w", tagsErr)
		}
		facts.Tag, _, _ = strings.Cut(tags, "\n")
	}
	facts.Repository = withoutCredentials(strings.TrimSpace(remote))
	return facts, nil
}

// insideRepository saves starting git where there is nothing to ask.
func insideRepository(dir string) bool {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return false
		}
		dir = parent
	}
}

func parseStatus(status string) Facts {
	facts := Facts{Clean: true}
	for line := range strings.Lines(status) {
		line = strings.TrimRight(line, "\n")
		header, isHeader := strings.CutPrefix(line, "# ")
		if !isHeader {
			facts.Clean = facts.Clean && line == ""
			facts.Modified = facts.Modified || line != "" && !strings.HasPrefix(line, "? ")
			continue
		}
		key, value, _ := strings.Cut(header, " ")
		switch {
		case key == "branch.oid" && value != "(initial)":
			facts.Commit = value
		case key == "branch.head" && value != "(detached)":
			facts.Branch = value
			facts.Ref = "refs/heads/" + value
		}
	}
	return facts
}

// git asks one repository. Its own settings apply, but nothing in them may
// start a program: the tree is not trusted.
type git struct{ dir string }

func (g git) ask(ctx context.Context, args ...string) (string, error) {
	base := []string{
		"-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null",
		"-c", "core.pager=cat", "--no-optional-locks",
	}
	cmd := exec.CommandContext(ctx, "git", append(base, args...)...)
	cmd.Dir = g.dir
	cmd.Env = Environment(os.Environ())
	cmd.WaitDelay = time.Second
	stdout, stderr := &limited{left: maxAnswer}, &limited{left: 4 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if said := strings.TrimSpace(stderr.String()); said != "" {
			return "", errors.New(said)
		}
		return "", err
	}
	return stdout.String(), nil
}

// limited keeps the beginning of an answer and drops the rest.
type limited struct {
	bytes.Buffer
	left int
}

// Write never fails.
func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.Buffer.Write(p[:n])
	return len(p), nil
}

// Environment is env without what would point git at another repository, as
// the variables do that git sets for hooks.
func Environment(env []string) []string {
	out := make([]string, 0, len(env)+2)
	for _, entry := range env {
		if !strings.HasPrefix(entry, "GIT_") && !strings.HasPrefix(entry, "LC_ALL=") {
			out = append(out, entry)
		}
	}
	return append(out, "GIT_TERMINAL_PROMPT=0", "LC_ALL=C")
}

// withoutCredentials takes user and password out of an address.
func withoutCredentials(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return address
	}
	u.User = nil
	return u.String()
}
