package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pluginhost"
	"github.com/stagegate/stagegate/core/runstate"
)

// control is how a run is stopped beside its context: drain keeps stages from
// starting, and abort ends everything.
type control struct {
	drain, abort context.Context //nolint:containedctx // they last as long as the run
}

// stoppedError is the cause with which a request ends a run.
type stoppedError struct{ engine.StopError }

// Is makes it an interruption, as signals are.
func (*stoppedError) Is(target error) bool { return target == errInterrupted }

// As gives who has asked.
func (e *stoppedError) As(target any) bool {
	stop, ok := target.(**engine.StopError)
	if ok {
		*stop = &e.StopError
	}
	return ok
}

// control hears who asks for the end of a run, until the function that it
// returns is called. The context that it returns ends on request.
func (a *app) control(ctx context.Context, run runstate.Run, host *pluginhost.Host) (context.Context, *control, func()) {
	hearing, stopHearing := context.WithCancel(context.WithoutCancel(ctx))
	ctx, cancel := context.WithCancelCause(ctx)
	drain, drained := context.WithCancelCause(context.WithoutCancel(ctx))
	killed, kill := context.WithCancelCause(context.WithoutCancel(ctx))
	abort, aborted := context.WithCancelCause(a.interrupts.abort)
	closed := a.endWith(ctx, killed, host)
	var watchdog *time.Timer
	take := func(req runstate.StopRequest) {
		why := &stoppedError{engine.StopError{By: req.By, Reason: req.Reason}}
		a.hear(req, why)
		switch req.Mode {
		case event.StopNow:
			aborted(why) // first: what is stopped then does not go over into cleanup
			cancel(why)
			kill(why)
			if watchdog == nil {
				watchdog = time.AfterFunc(lastChance, a.interrupts.expire)
			}
		case event.StopCleanup:
			cancel(why)
		default:
			drained(why)
		}
	}
	var listening sync.WaitGroup
	listening.Go(func() {
		if err := run.Stops(hearing, take); err != nil {
			a.complain(fmt.Errorf("run %s cannot be stopped from elsewhere: %w", run.ID(), err))
		}
	})
	return ctx, &control{drain: drain, abort: abort}, func() {
		stopHearing()
		listening.Wait()
		if watchdog != nil {
			watchdog.Stop()
		}
		closed()
		for _, end := range []context.CancelCauseFunc{cancel, drained, kill, aborted} {
			end(nil)
		}
	}
}

// hear says on the run's own terminal that it was asked to stop.
func (a *app) hear(req runstate.StopRequest, why error) {
	what := map[event.StopMode]string{
		event.StopAfterCurrent: "what runs may end", event.StopCleanup: "stopping", event.StopNow: "stopping at once",
	}
	a.mention(why.Error() + ": " + what[req.Mode])
}

// canceller asks another run of the store to end.
func canceller(store runstate.Store) func(ctx context.Context, run, reason string) error {
	return func(ctx context.Context, run, reason string) error {
		ctx, cancel := context.WithTimeoutCause(ctx, answerLimit, errNoAnswer)
		defer cancel()
		err := store.Stop(ctx, run, runstate.StopRequest{Mode: event.StopCleanup, By: actor(), Reason: reason, At: now().UTC()})
		if errors.Is(err, runstate.ErrNotRunning) {
			return nil // it has ended by itself
		}
		return err
	}
}
