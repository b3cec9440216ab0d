package runstate

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// A file in outbox names a run of which something has to be told; the letters
// are in the run's folder, and go with it.
const (
	outboxName  = "outbox"
	lettersName = "letters"
	letterEnd   = ".json"
	maxLetter   = 256 << 10
	maxLetters  = 1000
	// outboxTries are enough to wait for somebody who changes one file.
	outboxTries = 500
)

var letterName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,99}$`)

// fileOutbox is the outbox of a FileStore.
type fileOutbox struct{ store *FileStore }

// Outbox is what has to be told of the store's runs.
func (s *FileStore) Outbox() Outbox { return fileOutbox{s} }

func (o fileOutbox) path(name string) string { return filepath.Join(o.store.home, outboxName, name) }

// Expect writes the file that names the run.
func (o fileOutbox) Expect(ctx context.Context, run string, note []byte) error {
	if err := o.store.find(run); err != nil {
		return err
	}
	if len(note) > maxLetter {
		return fmt.Errorf("keep note on run %s: it has %d bytes, more than %d", run, len(note), maxLetter)
	}
	if err := os.MkdirAll(o.path(""), dirMode); err != nil {
		return fmt.Errorf("keep note on run %s: %w", run, err)
	}
	return o.alone(ctx, func() error { return putFile(o.path(""), run+letterEnd, note) })
}

// alone changes the folder of expectations while nobody else does.
func (o fileOutbox) alone(ctx context.Context, change func() error) (err error) {
	lock, err := takeLock(ctx, o.path("lock"), outboxTries)
	if err != nil {
		return fmt.Errorf("lock the outbox: %w", err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	return change()
}

// Expected lists the folder.
func (o fileOutbox) Expected(context.Context) ([]string, error) {
	entries, err := os.ReadDir(o.path(""))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list what is to be told: %w", err)
	}
	var out []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), letterEnd); ok && ValidID(id) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	return out, nil
}

// Open takes the lock of a run's letters. An expectation whose run is gone goes
// as well.
func (o fileOutbox) Open(ctx context.Context, run string) (_ Letters, err error) {
	if !ValidID(run) {
		return nil, fmt.Errorf("open letters of run %.40q: %w", run, ErrNotFound)
	}
	if err := o.store.find(run); err != nil {
		if errors.Is(err, ErrNotFound) {
			err = errors.Join(err, missing(os.Remove(o.path(run+letterEnd))))
		}
		return nil, err
	}
	dir := filepath.Join(o.store.runDir(run), lettersName)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return nil, fmt.Errorf("open letters of run %s: %w", run, err)
	}
	lock, err := takeLock(ctx, filepath.Join(dir, lockName), 1)
	if err != nil {
		return nil, fmt.Errorf("open letters of run %s: %w", run, err)
	}
	note, err := readBounded(o.path(run + letterEnd))
	if errors.Is(err, fs.ErrNotExist) {
		err = ErrNotFound
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open letters of run %s: %w", run, err), lock.Close())
	}
	return &fileLetters{outbox: o, run: run, dir: dir, note: note, lock: lock}, nil
}

// Peek reads without the lock: each letter is whole, whenever it is read.
func (o fileOutbox) Peek(_ context.Context, run string) (map[string][]byte, error) {
	if err := o.store.find(run); err != nil {
		return nil, err
	}
	letters := fileLetters{run: run, dir: filepath.Join(o.store.runDir(run), lettersName)}
	return letters.All()
}

// fileLetters are the letters of a run that is locked for them.
type fileLetters struct {
	outbox fileOutbox
	run    string
	dir    string
	note   []byte
	lock   *os.File
}

// Note is as it was when the letters were opened.
func (l *fileLetters) Note() []byte { return l.note }

// All reads the folder.
func (l *fileLetters) All() (map[string][]byte, error) {
	entries, err := os.ReadDir(l.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read letters of run %s: %w", l.run, err)
	}
	out := make(map[string][]byte)
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), letterEnd)
		if !ok || !letterName.MatchString(name) || !e.Type().IsRegular() {
			continue
		}
		if len(out) == maxLetters {
			return nil, fmt.Errorf("read letters of run %s: there are more than %d", l.run, maxLetters)
		}
		data, err := readBounded(filepath.Join(l.dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read letters of run %s: %w", l.run, err)
		}
		out[name] = data
	}
	return out, nil
}

// Put writes one letter.
func (l *fileLetters) Put(name string, letter []byte) error {
	if !letterName.MatchString(name) || len(letter) > maxLetter {
		return fmt.Errorf("keep letter %.40q of run %s: its name or its %d bytes are too long", name, l.run, len(letter))
	}
	return putFile(l.dir, name+letterEnd, letter)
}

// Settle removes the expectation that the letters were opened with.
func (l *fileLetters) Settle(ctx context.Context) error {
	path := l.outbox.path(l.run + letterEnd)
	return l.outbox.alone(ctx, func() error {
		note, err := readBounded(path)
		if err != nil || !bytes.Equal(note, l.note) {
			return missing(err)
		}
		if err := os.Remove(path); err != nil {
			return fmt.Errorf("settle letters of run %s: %w", l.run, err)
		}
		return syncDir(filepath.Dir(path))
	})
}

// Close gives up the lock.
func (l *fileLetters) Close() error { return l.lock.Close() }

// missing is an error, unless it says that there is no such file.
func missing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func readBounded(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	data, err := io.ReadAll(io.LimitReader(f, maxLetter+1))
	if err == nil && len(data) > maxLetter {
		err = fmt.Errorf("%s has more than %d bytes", path, maxLetter)
	}
	return data, err
}

// putFile has a file appear whole, and last.
func putFile(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", name, err), os.Remove(f.Name()))
	}
	return syncDir(dir)
}
