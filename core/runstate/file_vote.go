package runstate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Bounds of the votes of a run.
const (
	votesName = "votes"
	voteEnd   = ".json"
	maxVote   = 64 << 10
	maxVotes  = 1000
)

// AddVote keeps a vote beside the run, whoever writes that. It is named by its
// content: the same one is kept once.
func (s *FileStore) AddVote(_ context.Context, id string, vote []byte) error {
	if err := s.find(id); err != nil {
		return err
	}
	if len(vote) == 0 || len(vote) > maxVote {
		return fmt.Errorf("keep vote on run %s: it has %d bytes, not 1 to %d", id, len(vote), maxVote)
	}
	dir := filepath.Join(s.runDir(id), votesName)
	if err := os.MkdirAll(dir, dirMode); err != nil {
		return homeError(s.home, fmt.Errorf("keep vote on run %s: %w", id, err))
	}
	sum := sha256.Sum256(vote)
	f, err := os.CreateTemp(dir, "new-*")
	if err != nil {
		return homeError(s.home, fmt.Errorf("keep vote on run %s: %w", id, err))
	}
	_, err = f.Write(vote)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, hex.EncodeToString(sum[:])+voteEnd))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("keep vote on run %s: %w", id, err), os.Remove(f.Name()))
	}
	return errors.Join(syncDir(dir), syncDir(filepath.Dir(dir)))
}

// Votes are those that were kept, in no order that means anything.
func (s *FileStore) Votes(_ context.Context, id string) ([][]byte, error) {
	if err := s.find(id); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(s.runDir(id), votesName))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read votes on run %s: %w", id, err)
	}
	entries = slices.DeleteFunc(entries, func(e fs.DirEntry) bool { return !strings.HasSuffix(e.Name(), voteEnd) || !e.Type().IsRegular() })
	if len(entries) > maxVotes {
		return nil, fmt.Errorf("read votes on run %s: there are %d, more than %d", id, len(entries), maxVotes)
	}
	var out [][]byte
	for _, e := range entries {
		vote, err := readVote(filepath.Join(s.runDir(id), votesName, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("read votes on run %s: %w", id, err)
		}
		out = append(out, vote)
	}
	return out, nil
}

// readVote reads one byte more than a vote may have: whoever counts sees then
// that it is none.
func readVote(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	return io.ReadAll(io.LimitReader(f, maxVote+1))
}
