package app

import (
	"context"
	"errors"

	"github.com/stagegate/stagegate/core/runstate"
)

// restart makes a new run from what another one came to: that stays as it is.
func (a *app) restart(ctx context.Context, args, stages []string, flags runFlags, accept accepted) (err error) {
	if len(args) == 0 {
		return usage(errors.New("--restart-from needs the run whose results are taken over: runner run --restart-from stage.x RUN"))
	}
	if err := flags.check(); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	defer func() { a.closing(&err, store.Close()) }()
	from, err := find(ctx, store, args[0])
	if err != nil {
		return err
	}
	history, err := store.Read(ctx, from)
	if err != nil {
		return cannotResume(from, err)
	}
	if history.Live {
		return cannotResume(from, runstate.ErrRunning)
	}
	on, err := a.goOn(s, store, from, history, stages, accept)
	if err != nil {
		return err
	}
	return a.runOn(ctx, s, store, on, job{flags: flags, id: runstate.NewID(now())})
}
