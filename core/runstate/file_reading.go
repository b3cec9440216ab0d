package runstate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// errReadOnly is why nothing is written.
var errReadOnly = errors.New("the state folder is only looked at")

// LookFileStore opens what a store that is there already holds, without making,
// sweeping or changing anything. It returns ErrNotFound when nothing was ever
// kept there.
func LookFileStore(home string) (Blobs, Results, error) {
	home, err := filepath.Abs(home)
	if err != nil {
		return nil, nil, fmt.Errorf("find the state folder: %w", err)
	}
	results := fileResults{dir: filepath.Join(home, "results")}
	if _, err := os.Stat(filepath.Join(results.dir, secretName)); errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("look at %s: %w", home, ErrNotFound)
	} else if err != nil {
		return nil, nil, fmt.Errorf("look at %s: %w", home, err)
	}
	return readBlobs{fileBlobs{dir: filepath.Join(home, "blobs")}}, readResults{results}, nil
}

// readBlobs are blobs that are only read.
type readBlobs struct{ fileBlobs }

// Put refuses.
func (readBlobs) Put(context.Context, io.Reader) (string, int64, error) { return "", 0, errReadOnly }

// readResults are results that are only read.
type readResults struct{ fileResults }

// Put refuses.
func (readResults) Put(Result) error { return errReadOnly }

// Use refuses.
func (readResults) Use(_, _, _ string) error { return errReadOnly }

// Prune refuses.
func (readResults) Prune(ResultLimits) (int, error) { return 0, errReadOnly }

// Secret reads the secret, and does not make it.
func (r readResults) Secret() ([]byte, error) {
	secret, err := os.ReadFile(filepath.Join(r.dir, secretName))
	if err == nil && len(secret) != secretSize {
		err = errors.New("it is cut off")
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret of results: %w", err)
	}
	return secret, nil
}
