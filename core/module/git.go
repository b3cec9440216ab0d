package module

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
	"syscall"
	"time"
	"unicode"
)

// Bounds of what git may do for one module.
const (
	gitTimeout = 5 * time.Minute
	maxFetch   = 256 << 20 // bytes on disk
	maxAnswer  = 4 << 20
	maxSaid    = 2 << 10
)

// passed are the variables that git gets where they are set: how to reach a
// host, and the user's own settings. None of them is from a repository.
func passed() []string {
	return []string{
		"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK",
		"HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
		"GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM",
	}
}

// git runs the system's git in one folder. It asks nobody, speaks the given
// protocols alone, and runs no program that a repository names.
type git struct {
	dir     string
	env     func(string) (string, bool)
	schemes string // separated by colons
	strict  bool   // an answer from another address does not count
	most    int64  // bytes that the folder may grow to
}

func (g git) environment() []string {
	var out []string
	for _, name := range passed() {
		if value, ok := g.env(name); ok {
			out = append(out, name+"="+value)
		}
	}
	return append(out, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=/bin/false", "SSH_ASKPASS=/bin/false", "SSH_ASKPASS_REQUIRE=force",
		"GIT_CEILING_DIRECTORIES="+filepath.Dir(g.dir), "GIT_ALLOW_PROTOCOL="+g.schemes, "GIT_ATTR_NOSYSTEM=1", "GIT_NO_REPLACE_OBJECTS=1")
}

func (g git) command(ctx context.Context, args ...string) *exec.Cmd {
	redirects := "initial"
	if g.strict {
		redirects = "false"
	}
	base := []string{
		"-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "core.symlinks=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
		"-c", "protocol.version=2", "-c", "fetch.unpackLimit=1", "-c", "submodule.recurse=false", "-c", "http.followRedirects=" + redirects,
	}
	cmd := exec.CommandContext(ctx, "git", append(base, args...)...)
	cmd.Dir, cmd.Env = g.dir, g.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) } // its helpers too
	cmd.WaitDelay = time.Second
	return cmd
}

// errDone ends the watch over a command that has ended by itself.
var errDone = errors.New("done")

// ask runs one command and gives what it prints.
func (g git) ask(ctx context.Context, args ...string) ([]byte, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, gitTimeout, fmt.Errorf("git has not ended within %s", gitTimeout))
	defer cancel()
	bounded, stop := context.WithCancelCause(bounded)
	defer stop(nil)
	cmd := g.command(bounded, args...)
	stdout, stderr := &limited{left: maxAnswer}, &limited{left: 64 << 10}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	watched := g.watch(bounded, stop)
	err := cmd.Run()
	g.measure(stop) // it may have been quicker than the watch
	stop(errDone)
	<-watched
	switch cause := context.Cause(bounded); {
	case !errors.Is(cause, errDone):
		return nil, cause
	case err == nil && stdout.over:
		return nil, errors.New("git prints too much")
	case err == nil:
		return stdout.Bytes(), nil
	case errors.Is(err, exec.ErrNotFound):
		return nil, errors.New("there is no git in PATH")
	}
	if said := clean(stderr.String()); said != "" {
		return nil, fmt.Errorf("git says: %s", said)
	}
	return nil, err
}

// watch ends a fetch that takes more room than a module's repository may.
func (g git) watch(ctx context.Context, stop context.CancelCauseFunc) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-ticker.C:
			}
			g.measure(stop)
		}
	}()
	return done
}

// measure stops what has taken too much room.
func (g git) measure(stop context.CancelCauseFunc) {
	if used(g.dir) > g.most {
		stop(fmt.Errorf("the repository has more than %d MiB at that commit, without its history", g.most>>20))
	}
}

// used is how many bytes the files below a folder have.
func used(dir string) int64 {
	var total int64
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // git renames files meanwhile
		}
		if info, err := d.Info(); err == nil {
			total += info.Size()
		}
		return nil
	})
	return total
}

// clean is what git says as one line without control characters: a part of it
// is from the other side.
func clean(said string) string {
	said = strings.Map(func(c rune) rune {
		switch {
		case c == '\n':
			return ' '
		case unicode.IsControl(c) || unicode.Is(unicode.Cf, c):
			return -1
		default:
			return c
		}
	}, strings.ToValidUTF8(strings.TrimSpace(said), ""))
	if len(said) > maxSaid {
		said = strings.ToValidUTF8(said[:maxSaid], "") + "…"
	}
	return said
}

// limited keeps the beginning of an output.
type limited struct {
	bytes.Buffer
	left int
	over bool
}

// Write never fails.
func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.left)
	l.left -= n
	l.over = l.over || n < len(p)
	l.Buffer.Write(p[:n])
	return len(p), nil
}

// blobs copies the contents of files, in their order.
func (g git) blobs(ctx context.Context, files []file, each func(file, io.Reader) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, gitTimeout, fmt.Errorf("git has not ended within %s", gitTimeout))
	defer cancel()
	var ids strings.Builder
	for _, f := range files {
		ids.WriteString(f.id + "\n")
	}
	cmd := g.command(ctx, "cat-file", "--batch")
	cmd.Stdin = strings.NewReader(ids.String())
	from, to, err := os.Pipe()
	if err != nil {
		return err
	}
	cmd.Stdout = to
	err = errors.Join(cmd.Start(), to.Close())
	if err == nil {
		err = readBlobs(from, files, each)
	}
	closed := from.Close() // git ends when nobody reads
	if cmd.Process != nil {
		if waited := cmd.Wait(); err == nil {
			err = waited
		}
	}
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return errors.Join(err, closed)
}
