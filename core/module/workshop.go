package module

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// temporary begins the names of folders that a fetch works in.
const temporary = "fetch-"

// workshop is a folder to fetch into, for one fetch at a time. Whatever a fetch
// that was killed has left there is removed first. Its end removes the folder.
func (s *Store) workshop(ctx context.Context, from Source) (git, func() error, error) {
	if err := os.MkdirAll(s.o.Folder, 0o700); err != nil {
		return git{}, nil, err
	}
	lock, err := s.lock(ctx)
	if err != nil {
		return git{}, nil, err
	}
	if err := s.sweep(); err != nil {
		return git{}, nil, errors.Join(err, lock.Close())
	}
	dir, err := os.MkdirTemp(s.o.Folder, temporary)
	if err != nil {
		return git{}, nil, errors.Join(err, lock.Close())
	}
	done := func() error { return errors.Join(s.sweep(), lock.Close()) }
	g := git{dir: dir, env: s.o.LookupEnv, schemes: "https:ssh", strict: len(s.o.Allowed) > 0, most: s.o.MaxFetch}
	if strings.HasPrefix(from.Repository, "file:") {
		g.schemes = "file"
	}
	return g, done, nil
}

// lock waits for the store's lock, which ends with the process that holds it.
func (s *Store) lock(ctx context.Context) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(s.o.Folder, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, errors.Join(err, f.Close())
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		}
	}
}

// sweep removes the folders of fetches; the lock is held.
func (s *Store) sweep() error {
	entries, err := os.ReadDir(s.o.Folder)
	if err != nil {
		return err
	}
	var problems []error
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), temporary) {
			problems = append(problems, os.RemoveAll(filepath.Join(s.o.Folder, e.Name())))
		}
	}
	return errors.Join(problems...)
}
