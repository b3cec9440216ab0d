//go:build !linux

package pluginhost

import (
	"os"
	"syscall"
	"time"
)

// Outside Linux there is no /proc/self/fd that can be executed, so that the
// path is run, and a swap of the file between check and exec is only noticed
// by its times. There is no signal at the parent's death either: a plugin then
// learns of it by the end of its standard input.

type stamp struct {
	size  int64
	mtime time.Time
}

func stampOf(f *os.File) (stamp, error) {
	info, err := os.Stat(f.Name())
	if err != nil {
		return stamp{}, err
	}
	return stamp{size: info.Size(), mtime: info.ModTime()}, nil
}

func changed(info os.FileInfo) time.Time { return info.ModTime() }

func checkOwner(os.FileInfo) error { return nil }

func (b *binary) executable() (path string, inherit []*os.File) { return b.path, nil }

func attributes() *syscall.SysProcAttr { return &syscall.SysProcAttr{} }

func ownedByUs(os.FileInfo) bool { return true }
