package runstate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/stagegate/stagegate/core/event"
)

const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
	// minFree is the least free space in which a run is started.
	minFree = 8 << 20
)

// FileOptions configure a FileStore.
type FileOptions struct {
	// Home is the state folder; it is made when it is not there.
	Home string
}

// FileStore keeps runs in a folder:
//
//	runs/<id>/journal.jsonl, runs/<id>/lock, runs/<id>/logs/<stage>.<attempt>.log
//	runs/<id>/votes/<hash>.json, what was said about what it would apply
//	groups/<hash>/<number>-<run>-<random>, the line of a concurrency group
//	runs/<id>/stops/<random>/<mode>.json, a request to stop the run
//	blobs/sha256/<hex>
//	results/<stage>/<key>.json, what may be taken over by later runs
//	ballast, given up when the disk is full so that the end can be recorded
type FileStore struct {
	home string
}

var _ Store = (*FileStore)(nil)

// OpenFileStore opens the store in a folder. Whatever would keep a run from
// being recorded there is a *HomeError, so that nothing is started in vain.
func OpenFileStore(o FileOptions) (*FileStore, error) {
	home, err := filepath.Abs(o.Home)
	if err != nil || o.Home == "" {
		return nil, &HomeError{Path: o.Home, Err: errors.Join(fs.ErrInvalid, err), Remedy: "set RUNNER_HOME to an absolute path"}
	}
	s := &FileStore{home: home}
	for _, dir := range []string{"", "runs", "blobs", "blobs/sha256", "blobs/tmp", "results"} {
		if err := os.MkdirAll(filepath.Join(home, dir), dirMode); err != nil {
			return nil, homeError(home, err)
		}
	}
	s.sweepBlobs()
	return s, nil
}

// Home is the store's folder.
func (s *FileStore) Home() string { return s.home }

// homeError says what can be done about an error in the state folder.
func homeError(path string, err error) error {
	remedy := "make it a folder that you can write, or set RUNNER_HOME to one"
	if errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) {
		remedy = "free some space there, or set RUNNER_HOME to a folder on another disk"
	}
	return &HomeError{Path: path, Err: err, Remedy: remedy}
}

// Create makes a run.
func (s *FileStore) Create(ctx context.Context, id string) (Run, error) {
	if err := s.checkSpace(); err != nil {
		return nil, homeError(s.home, err)
	}
	if err := s.fillBallast(); err != nil {
		return nil, homeError(s.home, err)
	}
	if !ValidID(id) {
		return nil, fmt.Errorf("create run: %.40q is not the id of a run", id)
	}
	if err := os.Mkdir(s.runDir(id), dirMode); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return nil, fmt.Errorf("create run %s: %w", id, err)
		}
		return nil, homeError(s.home, err)
	}
	run, err := s.openRun(ctx, id)
	if err != nil {
		return nil, homeError(s.home, errors.Join(err, os.RemoveAll(s.runDir(id))))
	}
	return run, nil
}

// Open opens a run for writing again.
func (s *FileStore) Open(ctx context.Context, id string) (Run, error) {
	if err := s.find(id); err != nil {
		return nil, err
	}
	if err := s.fillBallast(); err != nil {
		return nil, homeError(s.home, err)
	}
	return s.openRun(ctx, id)
}

// List gives the ids of all runs, newest first.
func (s *FileStore) List(context.Context) ([]string, error) {
	dir, err := os.Open(filepath.Join(s.home, "runs"))
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	defer func() { _ = dir.Close() }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !ValidID(name) })
	slices.Sort(names)
	slices.Reverse(names)
	return names, nil
}

// Read gives what the journal of a run says.
func (s *FileStore) Read(_ context.Context, id string) (History, error) {
	if err := s.find(id); err != nil {
		return History{}, err
	}
	// The lock is looked at first: a writer that ends in between has then
	// written its end, and the run is not taken for an interrupted one.
	live, err := lockHeld(filepath.Join(s.runDir(id), lockName))
	if err != nil {
		return History{}, fmt.Errorf("look at lock of run %s: %w", id, err)
	}
	f, err := os.Open(filepath.Join(s.runDir(id), journalName))
	if err != nil {
		return History{}, fmt.Errorf("read journal of run %s: %w", id, err)
	}
	defer func() { _ = f.Close() }()
	state, err := readJournal(id, f)
	return History{Events: state.events, Live: live, Torn: state.torn}, err
}

// First gives the first event of a run's journal.
func (s *FileStore) First(_ context.Context, id string) (event.Event, error) {
	if err := s.find(id); err != nil {
		return event.Event{}, err
	}
	f, err := os.Open(filepath.Join(s.runDir(id), journalName))
	if err != nil {
		return event.Event{}, fmt.Errorf("read journal of run %s: %w", id, err)
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	return readFirst(id, f)
}

// Log opens the log of one attempt.
func (s *FileStore) Log(_ context.Context, id, stage string, attempt int) (io.ReadCloser, error) {
	if err := s.find(id); err != nil {
		return nil, err
	}
	f, err := os.Open(filepath.Join(s.runDir(id), logsName, logName(stage, attempt)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("log of stage %s, attempt %d, of run %s: %w", stage, attempt, id, ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("open log: %w", err)
	}
	return f, nil
}

// Blobs is the content store.
func (s *FileStore) Blobs() Blobs { return fileBlobs{dir: filepath.Join(s.home, "blobs")} }

// Results is what may be taken over by later runs.
func (s *FileStore) Results() Results { return fileResults{dir: filepath.Join(s.home, "results")} }

// Close does nothing: a FileStore holds nothing open.
func (s *FileStore) Close() error { return nil }

func (s *FileStore) runDir(id string) string { return filepath.Join(s.home, "runs", id) }

// find checks that there is such a run. An id that is none is not looked up: it
// could be a path.
func (s *FileStore) find(id string) error {
	if !ValidID(id) {
		return fmt.Errorf("run %q: %w: an id looks like 20261123-154210-k3x9", id, ErrNotFound)
	}
	info, err := os.Lstat(s.runDir(id))
	if errors.Is(err, fs.ErrNotExist) || err == nil && !info.IsDir() {
		return fmt.Errorf("run %s: %w", id, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("find run %s: %w", id, err)
	}
	return nil
}
