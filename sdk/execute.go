package sdk

import (
	"context"
	"errors"
	"fmt"

	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// execution is one streaming call, whatever its kind.
type execution struct {
	server    *server
	component string
	attempt   *pluginv1.Attempt
	config    *pluginv1.DynamicValue
	write     func(*pluginv1.Event) error
}

// produced is what a component hands back.
type produced struct {
	outputs Outputs
	report  *TestReport
	rollout *Rollout
}

// run decodes the request, calls the component under supervision, and ends
// the stream with exactly one result.
func (x execution) run(ctx context.Context, call func(context.Context, Request, *Emitter) (produced, error)) error {
	req, err := x.server.request(x.component, x.attempt, x.config)
	if err != nil {
		return err
	}
	ctx, cancel, end, err := x.server.begin(ctx, x.attempt.GetId())
	if err != nil {
		return err
	}
	defer end()
	if x.attempt.GetDeadline().IsValid() {
		var release context.CancelFunc
		ctx, release = context.WithDeadlineCause(ctx, x.attempt.GetDeadline().AsTime(), errors.New("the time of the attempt is up"))
		defer release()
	}
	out := newStream(x.write, cancel)
	// A component that is being stopped is alive until it has returned.
	beating, stopBeating := context.WithCancel(context.WithoutCancel(ctx))
	beatDone := make(chan struct{})
	go func() {
		defer close(beatDone)
		out.beat(beating, x.attempt.GetHeartbeat().AsDuration())
	}()
	got, err := guarded(ctx, req, &Emitter{stream: out}, call)
	stopBeating()
	<-beatDone
	return out.finish(x.result(ctx, got, err))
}

func guarded(ctx context.Context, req Request, e *Emitter, call func(context.Context, Request, *Emitter) (produced, error)) (got produced, err error) {
	defer recovered(&err)
	return call(ctx, req, e)
}

// result is what the host hears of an execution.
func (x execution) result(ctx context.Context, got produced, err error) *pluginv1.Result {
	r := &pluginv1.Result{Outcome: pluginv1.Outcome_OUTCOME_SUCCEEDED}
	if got.report != nil {
		r.Report = reportWire(*got.report)
	}
	if got.rollout != nil {
		r.Rollout = rolloutWire(*got.rollout)
	}
	outputs, encodeErr := x.encode(got.outputs)
	if err == nil {
		err = encodeErr
	}
	r.Outputs = outputs
	if err != nil {
		r.Outcome, r.Failure = classify(ctx, err)
	}
	return r
}

// encode is the outputs as an object of the declared type; what is left out is
// null.
func (x execution) encode(outputs Outputs) (*pluginv1.DynamicValue, error) {
	ty := x.server.types[x.component].outputs
	fields := make(map[string]cty.Value, len(ty.AttributeTypes()))
	for name, fieldType := range ty.AttributeTypes() {
		fields[name] = cty.NullVal(fieldType)
	}
	for name, v := range outputs {
		if !ty.HasAttribute(name) {
			return nil, fmt.Errorf("component %s returned the output %q, which its schema does not have", x.component, name)
		}
		fields[name] = v
	}
	v := cty.ObjectVal(fields)
	if bare, _ := v.UnmarkDeep(); !bare.IsWhollyKnown() {
		return nil, fmt.Errorf("component %s returned an output that is not known", x.component)
	}
	return dynamic.Encode(v, ty)
}

// classify turns an error into an outcome. A component that was asked to stop
// has stopped, whatever it says about it.
func classify(ctx context.Context, err error) (pluginv1.Outcome, *pluginv1.Failure) {
	if ctx.Err() != nil {
		return pluginv1.Outcome_OUTCOME_STOPPED, &pluginv1.Failure{
			Summary: text(context.Cause(ctx).Error(), maxLine), Class: "stopped",
		}
	}
	if errors.Is(err, ErrNothingApplied) {
		return pluginv1.Outcome_OUTCOME_STOPPED, &pluginv1.Failure{Summary: err.Error(), Class: "nothing_applied"}
	}
	if f, ok := errors.AsType[*Failure](err); ok {
		outcome := pluginv1.Outcome_OUTCOME_FAILED
		if f.Broken || f.Transient {
			outcome = pluginv1.Outcome_OUTCOME_ERROR
		}
		return outcome, failureWire(f)
	}
	failure := &pluginv1.Failure{Summary: text(err.Error(), maxLine), Class: "plugin_error"}
	if p, ok := errors.AsType[*panicError](err); ok {
		failure.Summary = text(fmt.Sprintf("the component panicked: %v", p.value), maxLine)
		failure.Detail = text("This is a bug in the plugin; please report it to its author.\n\n"+string(p.stack), maxText)
		failure.Class = "plugin_panic"
	}
	return pluginv1.Outcome_OUTCOME_ERROR, failure
}

func failureWire(f *Failure) *pluginv1.Failure {
	return &pluginv1.Failure{
		Summary: text(f.Error(), maxLine), Detail: text(f.Detail, maxText),
		Transient: f.Transient, Class: f.Class, ExitCode: int32(f.ExitCode), //nolint:gosec // exit codes are small
	}
}

// unary runs a call without a stream under the attempt's identity.
func unary[R any](ctx context.Context, s *server, attempt *pluginv1.Attempt, call func(context.Context) (R, error)) (out R, err error) {
	ctx, _, end, err := s.begin(ctx, attempt.GetId())
	if err != nil {
		return out, err
	}
	defer end()
	defer s.confess(&err)
	defer recovered(&err)
	return call(ctx)
}
