package runstate

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// ballastSize is room for the end of a run: a few records for each of a
// thousand stages.
const ballastSize = 1 << 20

func (s *FileStore) ballast() string { return filepath.Join(s.home, "ballast") }

// checkSpace refuses to start a run that could not be recorded.
func (s *FileStore) checkSpace() error {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(s.home, &fs); err != nil {
		return fmt.Errorf("look at free space: %w", err)
	}
	if free := fs.Bavail * uint64(max(fs.Bsize, 0)); free < minFree {
		return fmt.Errorf("%w: %d KiB are free, a run needs %d KiB", syscall.ENOSPC, free>>10, minFree>>10)
	}
	if fs.Files > 0 && fs.Ffree < 16 {
		return fmt.Errorf("%w: %d inodes are free, a run needs 16", syscall.ENOSPC, fs.Ffree)
	}
	return nil
}

// fillBallast sets space aside, unless that has been done before.
func (s *FileStore) fillBallast() error {
	if info, err := os.Stat(s.ballast()); err == nil && info.Size() == ballastSize {
		return nil
	}
	f, err := os.CreateTemp(s.home, "ballast-*")
	if err != nil {
		return fmt.Errorf("set space aside: %w", err)
	}
	// Not zeros: a file system that compresses would keep no room for them.
	_, err = f.Write(bytes.Repeat([]byte("room to record how a run ended\n."), ballastSize/32))
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), s.ballast())
	}
	if err != nil {
		return errors.Join(fmt.Errorf("set space aside: %w", err), os.Remove(f.Name()))
	}
	return nil
}

// dropBallast gives the space up. It reports whether there was any.
func (s *FileStore) dropBallast() bool { return os.Remove(s.ballast()) == nil }
