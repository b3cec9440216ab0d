package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/core/runstate"
)

// keptRun is a run as its journal tells it.
type keptRun struct {
	store   *runstate.FileStore
	history runstate.History
	state   *runstate.RunState
	// damage says why the journal cannot be trusted from some record on; the
	// state is that of the records before.
	damage error
}

// kept reads the run that an argument means.
func (a *app) kept(ctx context.Context, argument string) (*keptRun, error) {
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	store, err := s.store()
	if err != nil {
		return nil, err
	}
	id, err := find(ctx, store, argument)
	if err != nil {
		return nil, err
	}
	history, err := store.Read(ctx, id)
	if _, damaged := errors.AsType[*runstate.CorruptError](err); err != nil && !damaged {
		return nil, fmt.Errorf("read run %s: %w", id, err)
	}
	state := runstate.Replay(history)
	state.ID = id
	return &keptRun{store: store, history: history, state: state, damage: err}, nil
}

// untrusted is the damage in words, or nil.
func (k *keptRun) untrusted() error {
	if k.damage == nil {
		return nil
	}
	return fmt.Errorf("the journal of run %s cannot be trusted: %w", k.state.ID, k.damage)
}
