package trigger

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Checkout lays out the tree of a commit in dir, which must not exist yet, as
// a repository of its own that borrows no object: pruning the first one cannot
// break a run. Nothing half done stays behind.
func Checkout(ctx context.Context, repository, commit, dir string) (err error) {
	if err := checkID(commit); err != nil {
		return fmt.Errorf("check out: %w", err)
	}
	top, err := git(ctx, repository, "rev-parse", "--path-format=absolute", "--git-common-dir")
	if err != nil {
		return fmt.Errorf("check out %s: %w", commit, err)
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o700); err != nil {
		return fmt.Errorf("check out %s: %w", commit, err)
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("check out %s: %w", commit, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	steps := [][]string{
		{"init", "--quiet", "--template="},
		{"fetch", "--quiet", "--no-tags", "--no-recurse-submodules", "--depth=1", "--", "file://" + trimNewline(top), commit},
		{"checkout", "--quiet", "--detach", commit, "--"},
	}
	for _, step := range steps {
		if _, err := git(ctx, dir, step...); err != nil {
			return fmt.Errorf("check out %s: git %s: %w", commit, step[0], err)
		}
	}
	return nil
}

func trimNewline(s string) string {
	for len(s) > 0 && (s[len(s)-1] == '\n' || s[len(s)-1] == '\r') {
		s = s[:len(s)-1]
	}
	return s
}
