package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/test/job"
	"github.com/stagegate/stagegate/plugins/test/metrics"
	"github.com/stagegate/stagegate/plugins/test/weigh"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Test runs the command in a Job that is gone when it returns.
func (Component) Test(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	if diags := validate(req.Config); diags.HasErrors() {
		return nil, sdk.TestReport{}, &sdk.Failure{Summary: diags[0].Summary, Detail: diags[0].Detail, Class: "configuration_invalid"}
	}
	spec, hidden, err := specOf(req)
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	client, err := cluster.Open(accessOf(req))
	if err != nil {
		return nil, sdk.TestReport{}, explain(err)
	}
	defer client.Close()
	var tail metrics.Tail
	s := &session{client: client, spec: spec, out: out, output: &output{client: client, to: io.MultiWriter(out.Stdout(), &tail), words: out.Stderr()}}
	state, err := s.run(ctx, hidden)
	for _, warning := range client.Warnings() {
		fmt.Fprintf(out.Stderr(), "the cluster remarks: %s\n", warning)
	}
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	return s.judged(req, state, &tail)
}

// run carries the Job out, and takes it away.
func (s *session) run(ctx context.Context, hidden map[string]string) (job.State, error) {
	if err := s.preflight(ctx, len(hidden) > 0); err != nil {
		return job.State{}, err
	}
	defer s.remove(ctx)
	earlier := s.earlier(ctx)
	made, err := s.make(ctx, hidden)
	if err != nil {
		return job.State{}, err
	}
	s.sweep(ctx, earlier, made)
	ctx, stop := context.WithCancelCause(ctx)
	var keeping sync.WaitGroup
	keeping.Go(func() { s.keep(ctx) })
	defer keeping.Wait()
	defer stop(nil)
	defer s.output.finish(0)
	return s.follow(ctx)
}

// judged weighs how the command ended, and what it has printed.
func (s *session) judged(req sdk.Request, state job.State, tail *metrics.Tail) (sdk.Outputs, sdk.TestReport, error) {
	outputs := sdk.Outputs{}
	if state.Node != "" {
		outputs["node"] = cty.StringVal(state.Node)
	}
	if s.output.err != nil {
		fmt.Fprintln(s.out.Stderr(), s.output.err)
	}
	if f := s.ended(state); f != nil {
		return outputs, sdk.TestReport{}, f
	}
	if !req.Config.Bool("metrics") && len(req.Config.LabelledBlocks("threshold")) == 0 {
		return outputs, sdk.TestReport{}, nil
	}
	object, err := tail.Object()
	if err != nil {
		return outputs, sdk.TestReport{}, s.unreadable(err)
	}
	e, err := weigh.Read(object)
	if err != nil {
		return outputs, sdk.TestReport{}, s.unreadable(err)
	}
	return weigh.Metrics(req, e, outputs, sdk.TestReport{}, s.out)
}

func (s *session) unreadable(err error) error {
	f := &sdk.Failure{
		Summary: "The metrics in the command's output cannot be read", Class: "metrics_invalid", Cause: err,
		Detail: `Print one JSON object of finite numbers as the last thing, for example {"accuracy": 0.95}.`,
	}
	if errors.Is(err, metrics.ErrNone) {
		f.Summary, f.Class = "There are no metrics in the command's output", "metrics_missing"
	}
	if s.output.err != nil {
		f.Broken, f.Detail = true, s.output.err.Error()+"."
	}
	return f
}
