package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

var errNoAnswer = errors.New("no answer")

// Validate asks the plugin what it thinks of a configuration.
func (h *Host) Validate(ctx context.Context, c pipeline.ComponentRef, kind pluginv1.Kind, req *pluginv1.ValidateRequest) (*pluginv1.ValidateResponse, error) {
	p, err := h.acquire(ctx, c.Plugin)
	if err != nil {
		return nil, err
	}
	defer p.leave()
	out, err := unary(ctx, p, h.limits.Validate, 0, func(ctx context.Context) (*pluginv1.ValidateResponse, error) {
		switch kind {
		case pluginv1.Kind_KIND_BUILDER:
			out, err := pluginv1.NewBuilderServiceClient(p.conn).Validate(ctx, &pluginv1.BuilderServiceValidateRequest{Validate: req})
			return out.GetValidate(), err
		case pluginv1.Kind_KIND_TESTER:
			out, err := pluginv1.NewTesterServiceClient(p.conn).Validate(ctx, &pluginv1.TesterServiceValidateRequest{Validate: req})
			return out.GetValidate(), err
		case pluginv1.Kind_KIND_POLICY:
			out, err := pluginv1.NewPolicyServiceClient(p.conn).Validate(ctx, &pluginv1.PolicyServiceValidateRequest{Validate: req})
			return out.GetValidate(), err
		case pluginv1.Kind_KIND_DEPLOYER:
			out, err := pluginv1.NewDeployerServiceClient(p.conn).Validate(ctx, &pluginv1.DeployerServiceValidateRequest{Validate: req})
			return out.GetValidate(), err
		default:
			return nil, p.fault(ClassProtocol, fmt.Errorf("component %s is of a kind that this runner does not know", c))
		}
	})
	if n := len(out.GetInputs().GetFiles()); n > maxInputs {
		return nil, p.fault(ClassProtocol, fmt.Errorf("the result depends on %d files and patterns, the limit is %d", n, maxInputs))
	}
	return out, err
}

// Plan asks a deployer what it would apply.
func (h *Host) Plan(ctx context.Context, c pipeline.ComponentRef, req *pluginv1.PlanRequest, scope engine.Scope) (*pluginv1.PlanResponse, error) {
	return scoped(ctx, h, c.Plugin, scope, func(p *instance) (*pluginv1.PlanResponse, error) {
		return unary(ctx, p, h.limits.Plan, h.heartbeat(req.GetAttempt()), func(ctx context.Context) (*pluginv1.PlanResponse, error) {
			return pluginv1.NewDeployerServiceClient(p.conn).Plan(ctx, req)
		})
	})
}

// Evaluate asks a policy for its verdict.
func (h *Host) Evaluate(ctx context.Context, c pipeline.ComponentRef, req *pluginv1.EvaluateRequest, scope engine.Scope) (*pluginv1.EvaluateResponse, error) {
	return scoped(ctx, h, c.Plugin, scope, func(p *instance) (*pluginv1.EvaluateResponse, error) {
		return unary(ctx, p, h.limits.Evaluate, h.heartbeat(req.GetAttempt()), func(ctx context.Context) (*pluginv1.EvaluateResponse, error) {
			return pluginv1.NewPolicyServiceClient(p.conn).Evaluate(ctx, req)
		})
	})
}

// Attach has a builder store a statement beside what it has made.
func (h *Host) Attach(ctx context.Context, c pipeline.ComponentRef, req *pluginv1.AttachRequest, scope engine.Scope) (*pluginv1.AttachResponse, error) {
	return scoped(ctx, h, c.Plugin, scope, func(p *instance) (*pluginv1.AttachResponse, error) {
		return unary(ctx, p, h.limits.Attach, h.heartbeat(req.GetAttempt()), func(ctx context.Context) (*pluginv1.AttachResponse, error) {
			return pluginv1.NewBuilderServiceClient(p.conn).Attach(ctx, req)
		})
	})
}

func (h *Host) acquire(ctx context.Context, name string) (*instance, error) {
	s, err := h.slot(name)
	if err != nil {
		return nil, err
	}
	return s.acquire(ctx)
}

// heartbeat is how often a plugin shows that it is alive during an attempt.
func (h *Host) heartbeat(a *pluginv1.Attempt) time.Duration {
	if d := a.GetHeartbeat().AsDuration(); d > 0 {
		return d
	}
	return h.limits.Heartbeat
}

// scoped opens the callbacks for an attempt while do runs.
func scoped[R any](ctx context.Context, h *Host, name string, scope engine.Scope, do func(*instance) (R, error)) (R, error) {
	var none R
	p, err := h.acquire(ctx, name)
	if err != nil {
		return none, err
	}
	defer p.leave()
	if err := p.callbacks.enter(scope); err != nil {
		return none, fmt.Errorf("call plugin %s: %w", name, err)
	}
	defer p.callbacks.leave(scope)
	return do(p)
}

// unary makes one call with a deadline. A plugin that does not answer in time,
// or that does not answer pings meanwhile, hangs.
func unary[R any](ctx context.Context, p *instance, limit, heartbeat time.Duration, call func(context.Context) (R, error)) (R, error) {
	var none R
	callCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(limit, func() { cancel(fmt.Errorf("%w within %s", errNoAnswer, limit)) })
	defer timer.Stop()
	if heartbeat > 0 {
		watching := make(chan struct{})
		go func() {
			defer close(watching)
			p.watch(callCtx, heartbeat, cancel)
		}()
		defer func() { <-watching }()
		defer cancel(nil)
	}
	out, err := call(callCtx)
	switch cause := context.Cause(callCtx); {
	case err == nil:
		return out, nil
	case ctx.Err() != nil:
		return none, context.Cause(ctx)
	case errors.Is(cause, errNoAnswer):
		fault := p.fault(ClassHung, cause)
		p.forsake(fault) //nolint:contextcheck // it must go on when the call has ended
		return none, fault
	}
	if own, ok := errors.AsType[*engine.PluginError](err); ok {
		return none, own
	}
	return none, p.classify(err)
}

// watch pings the plugin at every heartbeat until ctx ends. A ping that is not
// answered within the following ones ends the call.
func (p *instance) watch(ctx context.Context, every time.Duration, cancel context.CancelCauseFunc) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		if !p.alive(ctx, (silences-1)*every) && ctx.Err() == nil {
			cancel(fmt.Errorf("%w to a ping for %s", errNoAnswer, silences*every))
			return
		}
	}
}

// forsake gives up on a process that hangs. It takes no new work. When it
// serves others too it lives on for them, as long as it answers.
func (p *instance) forsake(reason *engine.PluginError) {
	p.retire()
	if p.alone() || !p.alive(context.Background(), p.limits.Probe) {
		p.condemn(reason)
	}
}
