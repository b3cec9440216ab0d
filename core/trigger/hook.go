package trigger

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/source"
)

// Hook is a moment at which git calls.
type Hook string

// The hooks.
const (
	PostReceive Hook = "post-receive" // in the repository that is pushed to
	PrePush     Hook = "pre-push"     // in the clone that is pushed from
)

// marker is in every hook that is ours, so that no other is ever replaced.
const marker = "# Installed by: runner hook install"

// Installation is a hook to put into a repository.
type Installation struct {
	Hook       Hook
	Repository string // folder of a clone or of a bare repository
	Runner     string // absolute path of the runner's executable
	Pipeline   string // folder or file of the pipeline within the tree
}

// ErrForeignHook says that the repository has a hook of somebody else.
var ErrForeignHook = errors.New("there is a hook already that the runner did not install")

// Install writes the hook and returns its path. A hook of ours is replaced;
// another one is left alone, with ErrForeignHook.
func Install(ctx context.Context, in Installation) (string, error) {
	if in.Hook != PostReceive && in.Hook != PrePush {
		return "", fmt.Errorf("install hook: %q is neither %s nor %s", in.Hook, PostReceive, PrePush)
	}
	if !filepath.IsLocal(in.Pipeline) {
		return "", fmt.Errorf("install hook: the pipeline %q is not a path within the repository", in.Pipeline)
	}
	dir, err := hooksDir(ctx, in.Repository)
	if err != nil {
		return "", fmt.Errorf("install hook: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // others may push to a shared repository
		return "", fmt.Errorf("install hook: %w", err)
	}
	path := filepath.Join(dir, string(in.Hook))
	old, err := readHead(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return "", fmt.Errorf("install hook: %w", err)
	case !bytes.Contains(old, []byte(marker)):
		return "", fmt.Errorf("install hook: %s: %w; call %q from it instead", path, ErrForeignHook, in.command())
	}
	if err := replace(path, in.script()); err != nil {
		return "", fmt.Errorf("install hook: %w", err)
	}
	return path, nil
}

// command is what the hook runs. Git's input goes to it on standard input;
// nothing of a push is ever part of a command line.
func (in Installation) command() string {
	return quote(in.Runner) + " hook run " + string(in.Hook) + " --pipeline " + quote(in.Pipeline)
}

func (in Installation) script() string {
	return "#!/bin/sh\n" + marker + "\nexec " + in.command() + "\n"
}

// quote makes one word of a POSIX shell.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

func readHead(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	return io.ReadAll(io.LimitReader(f, 64<<10))
}

// replace writes the hook beside its place and moves it there: git never sees
// half of it.
func replace(path, content string) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".hook-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }() // gone after the rename
	_, err = f.WriteString(content)
	err = errors.Join(err, f.Chmod(0o755), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// hooksDir asks git, which knows core.hooksPath and linked work trees.
func hooksDir(ctx context.Context, repository string) (string, error) {
	out, err := git(ctx, repository, "rev-parse", "--path-format=absolute", "--git-path", "hooks")
	if err != nil {
		return "", fmt.Errorf("%s is not a git repository: %w", repository, err)
	}
	return strings.TrimSpace(out), nil
}

// gitTimeout bounds one call of git; a checkout of a large tree takes a while.
const gitTimeout = 10 * time.Minute

// git runs one command in a folder, without the variables that git sets for
// hooks and without hooks of its own.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, gitTimeout, fmt.Errorf("git took longer than %s", gitTimeout))
	defer cancel()
	cmd := exec.CommandContext(ctx, "git", append([]string{"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false"}, args...)...)
	if args[0] == "rev-parse" {
		// Here the repository's own core.hooksPath is the answer.
		cmd = exec.CommandContext(ctx, "git", args...)
	}
	cmd.Dir = dir
	cmd.Env = source.Environment(os.Environ())
	cmd.WaitDelay = time.Second
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
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
