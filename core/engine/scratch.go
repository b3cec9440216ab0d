package engine

import (
	"io/fs"
	"os"
	"sync"
)

// scratchFolders hands each attempt an empty private folder. One that comes
// back as it was given is given again: making and removing a folder costs a
// trivial stage more than its two records.
type scratchFolders struct {
	root string

	mu   sync.Mutex
	free []string
}

// take is a folder that nobody else has.
func (s *scratchFolders) take() (string, error) {
	s.mu.Lock()
	if n := len(s.free); n > 0 {
		dir := s.free[n-1]
		s.free = s.free[:n-1]
		s.mu.Unlock()
		return dir, nil
	}
	s.mu.Unlock()
	return os.MkdirTemp(s.root, "attempt-")
}

// give takes a folder back, and removes it with all that is in it unless it is
// untouched. What remains belongs to the run, which removes the root.
func (s *scratchFolders) give(dir string) error {
	if !untouched(dir) {
		return os.RemoveAll(dir)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.free = append(s.free, dir)
	return nil
}

// untouched reports whether dir is still an empty folder of our own alone.
func untouched(dir string) bool {
	info, err := os.Lstat(dir)
	if err != nil || info.Mode() != fs.ModeDir|0o700 {
		return false
	}
	f, err := os.Open(dir)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	names, _ := f.Readdirnames(1)
	return len(names) == 0
}
