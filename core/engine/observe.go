package engine

import (
	"context"

	"github.com/stagegate/stagegate/core/event"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// rollOut is one attempt of a deployer stage. When an earlier one may have
// changed something and nobody knows what came of it, it is looked for first:
// only when nothing of it is there does the stage start, through the whole gate.
func (r *run) rollOut(ctx context.Context, s *stage, a *attempt) event.Finish {
	was := r.recorded(s.Name)
	if was == nil || !was.Applying {
		return r.deploy(ctx, s, a)
	}
	finish, there := r.observe(ctx, s, a, was.Handle)
	if !there {
		return r.deploy(ctx, s, a)
	}
	return finish
}

// observe follows what was applied until it has ended. It reports false when
// nothing was.
func (r *run) observe(ctx context.Context, s *stage, a *attempt, handle []byte) (finish event.Finish, there bool) {
	req := &pluginv1.ObserveRequest{Component: s.Component.Name, Attempt: a.wire, Config: a.cfg.wire, Follow: true}
	if len(handle) > 0 {
		req.Handle = &pluginv1.Handle{Data: handle}
	}
	sink := newSink(ctx, r, s, a)
	res, err := r.o.Plugins.Execute(ctx, Call{Component: s.Component, Scope: a.scope(s), Observe: req}, sink.take)
	logBytes, logErr := sink.close(err != nil)
	if err = firstError(sink.err, err, logErr); err == nil && res.GetOutcome() == pluginv1.Outcome_OUTCOME_STOPPED {
		if awaitDeadline(ctx); ctx.Err() == nil {
			return event.Finish{}, false
		}
	}
	finish = r.judgeResult(ctx, s, res, err)
	finish.LogBytes, finish.Observed = logBytes, true
	return finish, true
}
