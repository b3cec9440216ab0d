package pluginhost

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// stamp changes whenever a file's content does: nobody but root can set the
// change time back.
type stamp struct {
	dev, ino     uint64
	size         int64
	mtime, ctime syscall.Timespec
}

func stampOf(f *os.File) (stamp, error) {
	var st syscall.Stat_t
	if err := syscall.Fstat(int(f.Fd()), &st); err != nil {
		return stamp{}, fmt.Errorf("stat %s: %w", f.Name(), err)
	}
	return stamp{dev: st.Dev, ino: st.Ino, size: st.Size, mtime: st.Mtim, ctime: st.Ctim}, nil
}

func changed(info os.FileInfo) time.Time {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(st.Ctim.Unix())
	}
	return info.ModTime()
}

// checkOwner refuses files that somebody else could change: those of another
// user, and those that others may write. A group may write when it is the
// owner's private one, which has the same number.
func checkOwner(info os.FileInfo) error {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("its owner cannot be read")
	}
	if st.Uid != 0 && int(st.Uid) != os.Geteuid() {
		return fmt.Errorf("it belongs to user %d, neither to root nor to you", st.Uid)
	}
	perm := info.Mode().Perm()
	if perm&0o002 != 0 {
		return fmt.Errorf("everybody may write to it (mode %04o); run chmod o-w", perm)
	}
	if perm&0o020 != 0 && st.Gid != st.Uid {
		return fmt.Errorf("its group may write to it (mode %04o); run chmod g-w", perm)
	}
	return nil
}

// executable is the path that names the open file itself, so that whatever is
// put at its old path meanwhile is not run. A script is opened once more by
// its interpreter, for which the descriptor has to stay open beyond exec.
func (b *binary) executable() (path string, inherit []*os.File) {
	if b.script {
		return "/proc/self/fd/3", []*os.File{b.file}
	}
	return fmt.Sprintf("/proc/self/fd/%d", b.file.Fd()), nil
}

// attributes give a plugin a process group, so that Ctrl-C on the terminal
// does not reach it, and a signal when the runner dies. The signal asks: the
// plugin has the processes of its attempts to end.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// ownedByUs reports whether a file belongs to the user who runs this.
func ownedByUs(info os.FileInfo) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid()
}
