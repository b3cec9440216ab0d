package runstate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"

	"github.com/stagegate/stagegate/core/event"
)

// Names in a run's folder.
const (
	journalName = "journal.jsonl"
	lockName    = "lock"
	logsName    = "logs"
)

// fileRun is a run that is being written.
type fileRun struct {
	id      string
	dir     string
	home    string
	journal *journal
	lock    *os.File
	once    sync.Once
}

var _ Run = (*fileRun)(nil)

// openRun takes a run's lock, checks its journal and cuts off a torn end.
func (s *FileStore) openRun(ctx context.Context, id string) (_ *fileRun, err error) {
	dir := s.runDir(id)
	lock, err := takeLock(ctx, filepath.Join(dir, lockName), lockTries)
	if err != nil {
		return nil, fmt.Errorf("open run %s: %w", id, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, lock.Close())
		}
	}()
	if err := os.MkdirAll(filepath.Join(dir, logsName), dirMode); err != nil {
		return nil, fmt.Errorf("open run %s: %w", id, err)
	}
	path := filepath.Join(dir, journalName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, fileMode)
	if err != nil {
		return nil, fmt.Errorf("open run %s: %w", id, err)
	}
	state, err := readJournal(id, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	j := &journal{path: path, file: f, chain: state.chain, size: state.whole, makeRoom: s.dropBallast}
	if err := j.cut(); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := s.sweepTickets(id); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if state.chain.seq == 0 { // new: the names must survive a power failure too
		if err := errors.Join(syncDir(dir), syncDir(filepath.Dir(dir))); err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
	return &fileRun{id: id, dir: dir, home: s.home, journal: j, lock: lock}, nil
}

// ID is the run's id.
func (r *fileRun) ID() string { return r.id }

// Append makes events durable.
func (r *fileRun) Append(ctx context.Context, events ...event.Event) error {
	if len(events) == 0 {
		return nil
	}
	return r.journal.append(ctx, true, events...)
}

// Note writes events that become durable with what follows them.
func (r *fileRun) Note(ctx context.Context, events ...event.Event) error {
	if len(events) == 0 {
		return nil
	}
	return r.journal.append(ctx, false, events...)
}

// StageLog appends to the log of one attempt.
func (r *fileRun) StageLog(stage string, attempt int) (io.WriteCloser, error) {
	return &logFile{path: filepath.Join(r.dir, logsName, logName(stage, attempt))}, nil
}

// Close ends the writing and gives up the lock.
func (r *fileRun) Close() error {
	var err error
	r.once.Do(func() { err = errors.Join(r.journal.close(), r.lock.Close()) })
	return err
}

// syncDir makes the names in a folder durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("sync folder %s: %w", path, err)
	}
	if err := errors.Join(d.Sync(), d.Close()); err != nil {
		return fmt.Errorf("sync folder %s: %w", path, err)
	}
	return nil
}
