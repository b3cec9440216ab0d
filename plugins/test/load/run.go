package load

import (
	"context"
	"sync"
	"time"
)

// Run sends until the plan is done, and waits for the answers. When ctx ends it
// returns its cause, as soon as what is under way has ended.
func Run(ctx context.Context, plan Plan, send Send, progress func(done int64)) (Result, error) {
	// What is under way has ended when Run returns, on every way out.
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &running{plan: plan, send: send, tally: newTally(), begin: time.Now()}
	watched := make(chan struct{})
	sent := make(chan struct{})
	go func() {
		defer close(watched)
		r.watch(sent, progress)
	}()
	r.pace(ctx)
	close(sent)
	<-watched
	if ctx.Err() != nil {
		return Result{}, context.Cause(ctx)
	}
	return r.tally.result(max(time.Since(r.begin)-plan.WarmUp, time.Microsecond)), nil
}

// running is one execution of a plan.
type running struct {
	plan  Plan
	send  Send
	tally *tally
	begin time.Time
}

// pace sends each request when it is due, whatever became of those before it.
func (r *running) pace(ctx context.Context) {
	slots := make(chan struct{}, r.plan.InFlight)
	var underway sync.WaitGroup
	defer underway.Wait()
	timer := time.NewTimer(0)
	defer timer.Stop()
	measured := int64(0)
	for n := int64(0); ; n++ {
		due := r.plan.due(n)
		if r.plan.over(due, measured) || !until(ctx, timer, r.begin.Add(due)) {
			return
		}
		counts := due >= r.plan.WarmUp
		if counts {
			measured++
		}
		select {
		case slots <- struct{}{}:
			underway.Go(func() {
				defer func() { <-slots }()
				r.one(ctx, n, r.begin.Add(due), counts)
			})
		default:
			if counts {
				r.tally.drop()
			}
		}
	}
}

// until waits for a moment, and reports whether it has come.
func until(ctx context.Context, timer *time.Timer, at time.Time) bool {
	wait := time.Until(at)
	if wait <= 0 {
		return ctx.Err() == nil
	}
	timer.Reset(wait)
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (r *running) one(ctx context.Context, n int64, due time.Time, counts bool) {
	late := max(time.Since(due), 0)
	o := r.send(ctx, n)
	// What a cancelled run broke off is nobody's failure.
	if counts && ctx.Err() == nil {
		r.tally.add(o, late)
	}
}

// watch says how far it is, until all is sent.
func (r *running) watch(sent <-chan struct{}, progress func(done int64)) {
	if progress == nil {
		return
	}
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-sent:
			progress(r.tally.count())
			return
		case <-tick.C:
			progress(r.tally.count())
		}
	}
}
