package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"
)

// lastChance is how long a command may take after the second signal.
const lastChance = 5 * time.Second

// errInterrupted is the cause with which a signal ends a command.
var errInterrupted = errors.New("interrupted")

// interrupts turns signals into the end of contexts. The first signal ends the
// command's context: a run stops then, and cleans up. The second ends abort:
// cleanup stages and plugins are ended too.
type interrupts struct {
	abort context.Context //nolint:containedctx // it lives as long as the process
	// overdue is closed when a command has not ended although it had to.
	overdue chan struct{}
	once    *sync.Once
}

// expire says that the command has not ended although it had to.
func (i interrupts) expire() { i.once.Do(func() { close(i.overdue) }) }

// watch begins to listen, until the function that it returns is called.
func (a *app) watch(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	abort, cancelAbort := context.WithCancelCause(context.WithoutCancel(ctx))
	a.interrupts = interrupts{abort: abort, overdue: make(chan struct{}), once: new(sync.Once)}
	stop, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		a.listen(cancel, cancelAbort, stop)
	}()
	return ctx, func() {
		close(stop)
		<-done
		cancel(nil)
		cancelAbort(nil)
	}
}

func (a *app) listen(cancel, abort context.CancelCauseFunc, stop <-chan struct{}) {
	s, ok := a.nextSignal(stop)
	if !ok {
		return
	}
	if _, is := terminal(a.Stderr); is {
		fmt.Fprintln(a.Stderr) // behind the ^C that the terminal has put there
	}
	fmt.Fprintf(a.Stderr, "%s: stopping; again to end at once\n", signalName(s))
	cancel(fmt.Errorf("%w by %s", errInterrupted, signalName(s)))
	if s, ok = a.nextSignal(stop); !ok {
		return
	}
	abort(fmt.Errorf("%w again by %s", errInterrupted, signalName(s)))
	timer := time.NewTimer(lastChance)
	defer timer.Stop()
	select {
	case <-stop:
	case <-timer.C:
		a.interrupts.expire()
	}
}

// nextSignal waits for a signal; it reports false when there will be none.
func (a *app) nextSignal(stop <-chan struct{}) (os.Signal, bool) {
	select {
	case <-stop:
		return nil, false
	case s, open := <-a.Signals:
		if !open {
			<-stop
		}
		return s, open
	}
}

func signalName(s os.Signal) string {
	if s == os.Interrupt {
		return "Ctrl-C"
	}
	return "signal " + s.String()
}
