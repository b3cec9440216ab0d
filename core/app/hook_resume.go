package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/stagegate/stagegate/core/trigger"
)

// checkoutAgain lays out the tree of a pushed commit for a run that goes on. The
// checkout of a runner that was killed is still there, with what its stages have
// left in it; otherwise it is made again from the repository. The function that
// it returns removes it: a run that succeeds or fails leaves none.
func (a *app) checkoutAgain(ctx context.Context, s *session, j *job) (remove func() error, err error) {
	within, err := filepath.Rel(s.path("checkouts", j.on.id), j.path)
	if err != nil || !filepath.IsLocal(within) {
		return nil, fmt.Errorf("run %s has its pipeline in %s, which is not in its checkout", j.on.id, j.path)
	}
	j.tree = s.path("checkouts", j.id)
	j.path = filepath.Join(j.tree, within)
	_, err = os.Lstat(j.tree)
	if errors.Is(err, fs.ErrNotExist) {
		err = checkoutWhole(ctx, j.source, j.on.run.Commit, j.tree)
		if err != nil {
			err = usage(fmt.Errorf("lay out the tree of run %s again: %w; the commit is no longer in %s: push it again", j.on.id, err, j.source))
		}
	}
	if err != nil {
		return nil, err
	}
	return func() error { return os.RemoveAll(j.tree) }, nil
}

// checkoutWhole makes a checkout appear in one step: one that was left half done
// would be taken for a tree with changes.
func checkoutWhole(ctx context.Context, repository, commit, tree string) error {
	part := tree + ".part"
	if err := os.RemoveAll(part); err != nil {
		return err
	}
	if err := trigger.Checkout(ctx, repository, commit, part); err != nil {
		return err
	}
	return os.Rename(part, tree)
}
