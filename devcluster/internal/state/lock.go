package state

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

const lockPollInterval = 50 * time.Millisecond

// Lock serialises whatever changes the cluster in one directory. The kernel
// releases it when the process ends, however it ends; no child inherits it.
type Lock struct {
	file *os.File
}

// Acquire takes the lock. While another process holds it, waiting is called
// once and Acquire waits until the lock is free or ctx ends.
func Acquire(ctx context.Context, path string, waiting func()) (*Lock, error) {
	ticker := time.NewTicker(lockPollInterval)
	defer ticker.Stop()
	for first := true; ; first = false {
		lock, err := try(path)
		if lock != nil || err != nil {
			return lock, err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("wait for lock %s: %w", path, context.Cause(ctx))
		case <-ticker.C:
		}
	}
}

// try returns nil without an error where the lock is not to be had now.
func try(path string) (*Lock, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil && current(file, path) {
		return &Lock{file: file}, nil
	}
	if err != nil && !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
	}
	return nil, file.Close()
}

// current reports whether the file still goes by that path. It does not when
// its last holder has removed it together with the cluster: a lock on it would
// exclude nobody.
func current(file *os.File, path string) bool {
	ours, err := file.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(path)
	return err == nil && os.SameFile(ours, named)
}

// Release gives the lock back.
func (l *Lock) Release() error {
	return l.file.Close()
}
