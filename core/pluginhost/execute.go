package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Execute runs one attempt. The sink sees every event but heartbeats and the
// result, which is returned.
//
// When ctx ends the plugin is asked to stop; it may still return a result,
// whose outcome then is OUTCOME_STOPPED. One that does not stop within the
// grace period is killed, and the error wraps the cause of ctx. A log that did
// not arrive as the plugin sent it is no error: the sink gets a line in the
// log, and a warning, that say so.
func (h *Host) Execute(ctx context.Context, call engine.Call, sink func(*pluginv1.Event) error) (*pluginv1.Result, error) {
	attempt := attemptOf(call)
	if attempt == nil {
		return nil, fmt.Errorf("execute %s: the call holds no attempt", call.Component)
	}
	if attempt.GetHeartbeat().AsDuration() <= 0 {
		attempt.Heartbeat = durationpb.New(h.limits.Heartbeat)
	}
	return scoped(ctx, h, call.Component.Plugin, call.Scope, func(p *instance) (*pluginv1.Result, error) {
		x := &execution{
			plugin: p, attempt: attempt, sink: sink,
			silence: silences * h.heartbeat(attempt), over: make(chan struct{}),
		}
		return x.run(ctx, call)
	})
}

// execution is one attempt under supervision.
type execution struct {
	plugin  *instance
	attempt *pluginv1.Attempt
	sink    func(*pluginv1.Event) error
	silence time.Duration
	checks  checks
	sinkErr error // the sink has failed; nothing goes to it any more

	over     chan struct{} // closed when the stream has ended
	stopping sync.WaitGroup
}

// The reasons for which the host breaks a stream off.
var (
	errSilent    = errors.New("no sign of life")
	errUnstopped = errors.New("it did not stop")
	errBroken    = errors.New("it broke the protocol")
	errNoResult  = errors.New("the stream ended without a result")
	errFollowed  = errors.New("something followed the result")
)

func (x *execution) run(ctx context.Context, call engine.Call) (*pluginv1.Result, error) {
	// The stream outlives ctx by the time that the plugin takes to stop.
	streamCtx, breakOff := context.WithCancelCause(context.WithoutCancel(ctx))
	defer breakOff(nil)
	recv, err := openStream(streamCtx, x.plugin, call)
	if err != nil {
		return nil, x.plugin.classify(err)
	}
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	x.stopping.Add(1)
	quiet := context.AfterFunc(ctx, func() {
		defer x.stopping.Done()
		x.stop(ctx, breakOff)
	})
	result, err := x.receive(ctx, recv, breakOff, abort)
	close(x.over)
	if quiet() {
		x.stopping.Done()
	}
	x.stopping.Wait()
	if err != nil {
		err = x.conclude(ctx, context.Cause(streamCtx), err)
	}
	if x.sinkErr != nil {
		return nil, x.sinkErr
	}
	return result, err
}

// receive takes events until the stream ends. After the sink has failed it
// goes on without it, so that the plugin can stop in order.
func (x *execution) receive(ctx context.Context, recv receiver, breakOff, abort context.CancelCauseFunc) (*pluginv1.Result, error) {
	// While the plugin stops, the grace period counts and not its silence.
	watch := time.AfterFunc(x.silence, func() {
		if ctx.Err() == nil {
			breakOff(fmt.Errorf("%w for %s", errSilent, x.silence))
		}
	})
	defer watch.Stop()
	var result *pluginv1.Result
	for {
		watch.Reset(x.silence)
		event, err := recv()
		watch.Stop() // a slow sink is not the plugin's silence
		switch {
		case errors.Is(err, io.EOF) && result != nil:
			return result, nil
		case errors.Is(err, io.EOF):
			err = errNoResult
		case err != nil:
			return nil, err
		case result != nil:
			err = errFollowed
		default:
			err = x.checks.event(event)
		}
		if err != nil {
			err = fmt.Errorf("%w: %w", errBroken, err)
			breakOff(err)
			return nil, err
		}
		if result = event.GetResult(); result != nil {
			x.show(abort, x.checks.missing(result)...)
		} else if event.GetHeartbeat() == nil {
			x.show(abort, event)
		}
	}
}

// show hands events to the sink. When it fails, the attempt is stopped.
func (x *execution) show(abort context.CancelCauseFunc, events ...*pluginv1.Event) {
	for _, e := range events {
		if x.sinkErr != nil {
			return
		}
		if x.sinkErr = x.sink(e); x.sinkErr != nil {
			abort(x.sinkErr)
		}
	}
}

// conclude says what the broken end of a stream means, and ends what is left
// of the attempt. The cause is why the host broke it off, if it did.
func (x *execution) conclude(ctx context.Context, cause, err error) error {
	p := x.plugin
	var fault *engine.PluginError
	switch {
	case errors.Is(cause, errSilent):
		fault = p.fault(ClassHung, cause)
	case errors.Is(cause, errUnstopped):
		fault = p.fault(ClassHung, fmt.Errorf("%w: %w", cause, context.Cause(ctx)))
	case errors.Is(cause, errBroken):
		fault = p.fault(ClassProtocol, cause)
	default:
		verdict := p.classify(err)
		p.killAttempt(x.attempt.GetId()) //nolint:contextcheck // it must go on when the call has ended
		return verdict
	}
	p.killAttempt(x.attempt.GetId()) //nolint:contextcheck // it must go on when the call has ended
	p.forsake(fault)                 //nolint:contextcheck // it must go on when the call has ended
	return fault
}

// stop ends the attempt from outside: it asks, waits for the grace period,
// kills the processes of the attempt, waits a moment for the plugin to notice,
// and breaks the stream off.
func (x *execution) stop(ctx context.Context, breakOff context.CancelCauseFunc) {
	p := x.plugin
	grace := time.NewTimer(p.limits.Grace)
	defer grace.Stop()
	asking, cancel := context.WithTimeout(context.WithoutCancel(ctx), p.limits.Probe)
	defer cancel()
	x.stopping.Go(func() {
		_, _ = pluginv1.NewPluginServiceClient(p.conn).Stop(asking, &pluginv1.StopRequest{
			AttemptId: x.attempt.GetId(), Grace: durationpb.New(p.limits.Grace), Reason: quote(context.Cause(ctx).Error()),
		})
	})
	select {
	case <-x.over:
		return
	case <-grace.C:
	}
	p.killAttempt(x.attempt.GetId()) //nolint:contextcheck // it must go on when the call has ended
	moment := time.NewTimer(p.limits.Kill)
	defer moment.Stop()
	select {
	case <-x.over:
	case <-moment.C:
		breakOff(fmt.Errorf("%w within %s after it was asked to", errUnstopped, p.limits.Grace))
	}
}
