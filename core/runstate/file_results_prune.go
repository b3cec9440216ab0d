package runstate

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// prunedName is a file that shows when results were pruned last.
const prunedName = "pruned"

// Prune removes results beyond the limits, and what killed writers have left.
func (r fileResults) Prune(l ResultLimits) (int, error) {
	done := filepath.Join(r.dir, prunedName)
	if info, err := os.Stat(done); err == nil && l.Every > 0 && l.Now.Sub(info.ModTime()) < l.Every {
		return 0, nil
	}
	if err := os.WriteFile(done, nil, fileMode); err != nil {
		return 0, fmt.Errorf("prune results: %w", err)
	}
	files, err := r.all()
	if err != nil {
		return 0, err
	}
	removed, kept := 0, 0
	for _, f := range files {
		beyond := l.Count > 0 && kept >= l.Count || l.Age > 0 && l.Now.Sub(f.used) > l.Age
		if l.Damaged && !beyond {
			beyond = damaged(f.path)
		}
		if !beyond {
			kept++
			continue
		}
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return removed, fmt.Errorf("prune results: %w", err)
		}
		removed++
	}
	r.sweep()
	return removed, nil
}

func damaged(path string) bool {
	_, err := readResult(path)
	var found *DamagedError
	return errors.As(err, &found)
}

// sweep removes unfinished files that nobody writes any more, and empty
// shelves. What stays is looked at again the next time.
func (r fileResults) sweep() {
	parts, _ := filepath.Glob(filepath.Join(r.dir, "*", partPrefix+"*"))
	for _, path := range parts {
		if info, err := os.Lstat(path); err == nil && time.Since(info.ModTime()) > staleAfter {
			_ = os.Remove(path)
		}
	}
	shelves, _ := filepath.Glob(filepath.Join(r.dir, "*"))
	for _, path := range shelves {
		if info, err := os.Lstat(path); err == nil && info.IsDir() {
			_ = os.Remove(path) // fails unless it is empty
		}
	}
}

// secretSize is the size of a store's secret, in bytes.
const secretSize = 32

// Secret reads the secret, and makes it before the first time. Of several who
// make it at once, one wins.
func (r fileResults) Secret() ([]byte, error) {
	path := filepath.Join(r.dir, secretName)
	secret, err := os.ReadFile(path)
	if err == nil && len(secret) == secretSize {
		return secret, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read the secret of results: %w", err)
	}
	if err == nil { // cut off: what was kept under it cannot be found again anyway
		if err := os.Remove(path); err != nil {
			return nil, fmt.Errorf("replace the secret of results: %w", err)
		}
	}
	secret = make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails since Go 1.24
	part, err := os.CreateTemp(r.dir, partPrefix+"*")
	if err != nil {
		return nil, fmt.Errorf("make the secret of results: %w", err)
	}
	_, err = part.Write(secret)
	err = errors.Join(err, part.Close())
	if err == nil {
		err = os.Link(part.Name(), path) // unlike a rename it fails when another was first
	}
	err = errors.Join(ignoreExisting(err), os.Remove(part.Name()))
	if err != nil {
		return nil, fmt.Errorf("make the secret of results: %w", err)
	}
	return os.ReadFile(path)
}

func ignoreExisting(err error) error {
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return err
}
