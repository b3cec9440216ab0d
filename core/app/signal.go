package app

import (
	"context"
	"fmt"
	"os"
)

// interrupts turns signals into cancellation. The first one stops the run, and
// its cleanup stages still run; the second ends everything at once.
type interrupts struct {
	// abort is closed by the second signal.
	abort chan struct{}
	done  chan struct{}
}

// watch begins to listen; the returned context ends with the first signal.
func (a *app) watch(ctx context.Context) (context.Context, *interrupts, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	i := &interrupts{abort: make(chan struct{}), done: make(chan struct{})}
	stop := make(chan struct{})
	go func() {
		defer close(i.done)
		i.listen(a, cancel, stop)
	}()
	return ctx, i, func() {
		close(stop)
		<-i.done
		cancel(nil)
	}
}

func (i *interrupts) listen(a *app, cancel context.CancelCauseFunc, stop <-chan struct{}) {
	first := true
	for {
		select {
		case <-stop:
			return
		case s, open := <-a.Signals:
			if !open {
				<-stop
				return
			}
			if first {
				first = false
				fmt.Fprintf(a.Stderr, "\n%s: stopping; again to end at once\n", signalName(s))
				cancel(fmt.Errorf("%w by %s", errInterrupted, signalName(s)))
				continue
			}
			close(i.abort)
			<-stop
			return
		}
	}
}

func signalName(s os.Signal) string {
	if s == os.Interrupt {
		return "Ctrl-C"
	}
	return "signal " + s.String()
}
