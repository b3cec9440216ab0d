// Package produced finds the files that a command has written. A file that
// was there before and has not changed is no evidence: it may be what an
// earlier run left behind. Files are opened below the work folder only, and
// what is not a regular file is refused.
package produced

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxFiles is how many files a pattern may match.
const MaxFiles = 10_000

// The reasons for which there is nothing to read.
var (
	ErrNone  = errors.New("the command has not written it")
	ErrStale = errors.New("it is older than the command, which has not written it")
)

// Local is a path or glob from a configuration relative to workDir. The error
// says why it cannot be used.
func Local(workDir, pattern string) (string, error) {
	local := pattern
	if filepath.IsAbs(pattern) {
		rel, err := filepath.Rel(workDir, pattern)
		if err != nil {
			return "", fmt.Errorf("place %q in the work folder: %w", pattern, err)
		}
		local = rel
	}
	if !filepath.IsLocal(local) {
		return "", fmt.Errorf("%q leads out of the pipeline's folder", pattern)
	}
	if _, err := path.Match(local, ""); err != nil {
		return "", fmt.Errorf("%q is not a glob: a bracket is left open, or it ends in a backslash", pattern)
	}
	return path.Clean(filepath.ToSlash(local)), nil
}

// Watch remembers what a pattern matched before the command was started.
type Watch struct {
	root    *os.Root
	pattern string
	before  map[string]fs.FileInfo
}

// Begin opens the folder and remembers what is there. Close the watch.
func Begin(dir, pattern string) (*Watch, error) {
	local, err := Local(dir, pattern)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open work folder: %w", err)
	}
	w := &Watch{root: root, pattern: local, before: make(map[string]fs.FileInfo)}
	names, err := w.match()
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	for _, name := range names {
		if info, err := root.Stat(name); err == nil {
			w.before[name] = info
		}
	}
	return w, nil
}

// Existing is a watch that takes whatever is there for written: files that are
// part of the tree, or that an earlier stage has made. Close it.
func Existing(dir, pattern string) (*Watch, error) {
	local, err := Local(dir, pattern)
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open work folder: %w", err)
	}
	return &Watch{root: root, pattern: local}, nil
}

// Close closes the folder.
func (w *Watch) Close() error { return w.root.Close() }

// Files are the names of the files that were written since Begin, sorted. It
// is ErrNone or ErrStale when there are none.
func (w *Watch) Files() ([]string, error) {
	names, err := w.match()
	if err != nil {
		return nil, err
	}
	var written []string
	for _, name := range names {
		info, err := w.root.Stat(name)
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", name, err)
		}
		if w.changed(name, info) {
			written = append(written, name)
		}
	}
	switch {
	case len(names) == 0:
		return nil, ErrNone
	case len(written) == 0:
		return nil, ErrStale
	}
	return written, nil
}

func (w *Watch) changed(name string, now fs.FileInfo) bool {
	was := w.before[name]
	return was == nil || !os.SameFile(was, now) || was.Size() != now.Size() || !was.ModTime().Equal(now.ModTime())
}

// Open opens one of Files.
func (w *Watch) Open(name string) (*os.File, error) {
	// Without O_NONBLOCK a pipe of that name would be waited for.
	f, err := w.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", name, err), f.Close())
	}
	return f, nil
}

func (w *Watch) match() ([]string, error) {
	if !strings.ContainsAny(w.pattern, `*?[\`) {
		// Glob takes what it may not look at for what is not there.
		if _, err := w.root.Lstat(w.pattern); err != nil {
			return nil, ignoreMissing(err)
		}
		return []string{w.pattern}, nil
	}
	names, err := fs.Glob(w.root.FS(), w.pattern)
	if err != nil {
		return nil, fmt.Errorf("match %s: %w", w.pattern, err)
	}
	if len(names) > MaxFiles {
		return nil, fmt.Errorf("match %s: more than %d files", w.pattern, MaxFiles)
	}
	return names, nil
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
