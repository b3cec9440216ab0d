package pluginhost

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/stagegate/stagegate/core/pluginhost/internal/proctree"
	"github.com/stagegate/stagegate/sdk/process"
)

const (
	// maxSocketPath is what the kernel takes of a unix socket's path.
	maxSocketPath = 107
	// socketTail is what comes below the runtime folder: a runner, a launch,
	// and the two names that go-plugin makes up.
	socketTail = len("/0123456789abcdef/0000/plugin-dir4294967295/plugin4294967295")
	// unborn marks the folder of a runner that has not locked it yet.
	unborn = ".new-"
	// stillborn is the age at which such a folder is litter.
	stillborn = time.Hour
)

// runtimeDir is the private folder of one runner, locked for as long as the
// runner lives. Its random name is the cookie that begins the mark of every
// process that the runner starts, so that whoever finds the folder unlocked
// knows whose processes are orphans.
type runtimeDir struct {
	id       string
	path     string
	lock     *os.File
	launches atomic.Uint64
}

// openRuntimeDir makes a folder for this runner below base and sweeps what
// dead runners have left there.
func openRuntimeDir(ctx context.Context, base string, log *slog.Logger) (*runtimeDir, error) {
	if err := preparePrivate(base); err != nil {
		return nil, err
	}
	if len(base)+socketTail > maxSocketPath {
		return nil, fmt.Errorf("use runtime folder %s: its path is too long for sockets, the limit is %d bytes", base, maxSocketPath-socketTail)
	}
	sweep(ctx, base, log)
	d := &runtimeDir{id: newID()}
	d.path = filepath.Join(base, d.id)
	fresh := filepath.Join(base, unborn+d.id)
	if err := os.Mkdir(fresh, 0o700); err != nil {
		return nil, fmt.Errorf("make runtime folder: %w", err)
	}
	lock, err := lockDir(fresh)
	if err == nil {
		err = os.Rename(fresh, d.path)
	}
	if err != nil {
		_ = os.Remove(fresh)
		return nil, fmt.Errorf("make runtime folder: %w", err)
	}
	d.lock = lock
	return d, nil
}

// defaultRuntimeBase is the user's runtime folder where there is one.
func defaultRuntimeBase(environ []string) string {
	for _, v := range environ {
		if dir, ok := strings.CutPrefix(v, "XDG_RUNTIME_DIR="); ok && filepath.IsAbs(dir) {
			base := filepath.Join(dir, "stagegate")
			if info, err := os.Stat(dir); err == nil && info.IsDir() && ownedByUs(info) && len(base)+socketTail <= maxSocketPath {
				return base
			}
		}
	}
	return filepath.Join("/tmp", "stagegate-"+strconv.Itoa(os.Geteuid()))
}

// preparePrivate makes sure that nobody else can reach into the folder.
func preparePrivate(dir string) error {
	if !filepath.IsAbs(dir) {
		return fmt.Errorf("use runtime folder %q: the path is relative", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make runtime folder: %w", err)
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return fmt.Errorf("make runtime folder: %w", err)
	}
	if !info.IsDir() || !ownedByUs(info) || info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("use runtime folder %s: it must be a folder of yours with mode 0700; remove it, or set XDG_RUNTIME_DIR", dir)
	}
	return nil
}

// launch makes the folder and the mark of one launch.
func (d *runtimeDir) launch() (dir, instance string, err error) {
	n := strconv.FormatUint(d.launches.Add(1), 10)
	dir = filepath.Join(d.path, n)
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", "", fmt.Errorf("make socket folder: %w", err)
	}
	return dir, d.id + "." + n, nil
}

// close removes the folder, and the lock with it.
func (d *runtimeDir) close() error {
	err := os.RemoveAll(d.path)
	return errors.Join(err, d.lock.Close())
}

// sweep ends the processes of runners that are dead and removes their folders.
// A folder is a dead runner's when its lock can be had; a process is that
// runner's when its environment holds the cookie. Nothing else is touched.
func sweep(ctx context.Context, base string, log *slog.Logger) {
	entries, err := os.ReadDir(base)
	if err != nil {
		return
	}
	for _, e := range entries {
		path := filepath.Join(base, e.Name())
		if strings.HasPrefix(e.Name(), unborn) {
			if info, err := e.Info(); err == nil && time.Since(info.ModTime()) > stillborn {
				_ = os.RemoveAll(path)
			}
			continue
		}
		if !e.IsDir() || !isID(e.Name()) {
			continue
		}
		lock, err := lockDir(path)
		if err != nil {
			continue
		}
		log.WarnContext(ctx, "sweeping what a dead runner left behind", "runtime_dir", path)
		if left := proctree.Kill(ctx, runnerMark(e.Name())); len(left) > 0 {
			log.WarnContext(ctx, "processes of a dead runner do not end", "pids", left)
		} else if err := os.RemoveAll(path); err != nil {
			log.WarnContext(ctx, "remove what a dead runner left behind", "error", err)
		}
		_ = lock.Close()
	}
}

func runnerMark(id string) proctree.Mark {
	return proctree.Mark{Key: process.InstanceVariable, Value: id + ".", Prefix: true}
}

// lockDir takes the lock of a folder, or fails at once. The lock ends with the
// process that holds it, however it dies.
func lockDir(path string) (*os.File, error) {
	dir, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(dir.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = dir.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return dir, nil
}

const idAlphabet = "0123456789abcdefghijklmnopqrstuv"

func newID() string {
	var b [10]byte
	_, _ = rand.Read(b[:]) // never fails
	return base32.NewEncoding(idAlphabet).EncodeToString(b[:])
}

func isID(s string) bool {
	return len(s) == 16 && strings.Trim(s, idAlphabet) == ""
}
