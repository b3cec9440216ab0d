package runstate

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// perStage is how many results of one stage are kept: going back to an earlier
// state of the inputs is common, going back far is not.
const perStage = 16

// fileResults keeps each result in a file:
//
//	results/<hash of scope and stage>/<key>.json
//	results/secret
type fileResults struct{ dir string }

var _ Results = fileResults{}

const (
	resultSuffix = ".json"
	partPrefix   = ".part-"
	secretName   = "secret"
)

// shelf is the folder of one stage's results.
func (r fileResults) shelf(scope, stage string) string {
	sum := sha256.Sum256([]byte(scope + "\x00" + stage))
	return filepath.Join(r.dir, hex.EncodeToString(sum[:]))
}

// path is the file of a result. A key that is none is not looked up: it could
// be a path.
func (r fileResults) path(scope, stage, key string) (string, error) {
	if !digestPattern.MatchString(key) {
		return "", fmt.Errorf("result %.80q: %w: a key is sha256: and 64 hexadecimal digits", key, ErrNotFound)
	}
	return filepath.Join(r.shelf(scope, stage), strings.TrimPrefix(key, "sha256:")+resultSuffix), nil
}

// Find reads one result, which must be the one that its place says.
func (r fileResults) Find(scope, stage, key string) (*Result, error) {
	path, err := r.path(scope, stage, key)
	if err != nil {
		return nil, err
	}
	found, err := readResult(path)
	if err != nil {
		return nil, err
	}
	if found.Scope != scope || found.Stage != stage || found.Key != key {
		return nil, &DamagedError{Path: path, Reason: "it is the result of something else"}
	}
	return found, nil
}

// Latest reads the result on a stage's shelf that was touched last.
func (r fileResults) Latest(scope, stage string) (*Result, error) {
	files, err := onShelf(r.shelf(scope, stage))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("result of stage %s: %w", stage, ErrNotFound)
	}
	found, err := readResult(files[0].path)
	if err == nil && (found.Scope != scope || found.Stage != stage) {
		return nil, &DamagedError{Path: files[0].path, Reason: "it is the result of something else"}
	}
	return found, err
}

// Put writes beside the place and renames. What a power failure leaves of it
// does not match its checksum.
func (r fileResults) Put(result Result) (err error) {
	path, err := r.path(result.Scope, result.Stage, result.Key)
	if err != nil {
		return fmt.Errorf("keep result: %w", err)
	}
	data, err := encodeResult(result)
	if err != nil {
		return fmt.Errorf("keep result: %w", err)
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return fmt.Errorf("keep result: %w", err)
	}
	f, err := os.CreateTemp(dir, partPrefix+"*")
	if err != nil {
		return fmt.Errorf("keep result: %w", err)
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep result: %w", err), os.Remove(f.Name()))
	}
	return trim(dir, perStage)
}

// Use touches a result.
func (r fileResults) Use(scope, stage, key string) error {
	path, err := r.path(scope, stage, key)
	if err != nil {
		return err
	}
	now := time.Now()
	if err := os.Chtimes(path, now, now); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("use result: %w", err)
	}
	return nil
}

// resultAt is a file with a result.
type resultAt struct {
	path string
	used time.Time
	size int64
}

// onShelf are the results in a folder, the one used last first. A folder that
// is not there has none.
func onShelf(dir string) ([]resultAt, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list results: %w", err)
	}
	var out []resultAt
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !strings.HasSuffix(e.Name(), resultSuffix) || strings.HasPrefix(e.Name(), partPrefix) {
			continue // it was removed meanwhile, or it is none
		}
		out = append(out, resultAt{filepath.Join(dir, e.Name()), info.ModTime(), info.Size()})
	}
	slices.SortFunc(out, byUse)
	return out, nil
}

func byUse(a, b resultAt) int {
	if order := b.used.Compare(a.used); order != 0 {
		return order
	}
	return strings.Compare(a.path, b.path)
}

// trim removes the results of a shelf that were used longest ago.
func trim(dir string, most int) error {
	files, err := onShelf(dir)
	if err != nil {
		return err
	}
	for _, f := range files[min(len(files), most):] {
		if err := os.Remove(f.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("prune results: %w", err)
		}
	}
	return nil
}

// all are the results of all stages, the one used last first.
func (r fileResults) all() ([]resultAt, error) {
	shelves, err := os.ReadDir(r.dir)
	if err != nil {
		return nil, fmt.Errorf("list results: %w", err)
	}
	var out []resultAt
	for _, shelf := range shelves {
		if !shelf.IsDir() {
			continue
		}
		files, err := onShelf(filepath.Join(r.dir, shelf.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, files...)
	}
	slices.SortFunc(out, byUse)
	return out, nil
}

// List reads all results.
func (r fileResults) List() ([]StoredResult, error) {
	files, err := r.all()
	if err != nil {
		return nil, err
	}
	out := make([]StoredResult, 0, len(files))
	for _, f := range files {
		found, err := readResult(f.path)
		stored := StoredResult{Used: f.used, Size: f.size}
		switch {
		case errors.Is(err, ErrNotFound):
			continue
		case err != nil:
			stored.Damage = err
		default:
			stored.Result = *found
		}
		out = append(out, stored)
	}
	return out, nil
}
