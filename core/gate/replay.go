package gate

import (
	"context"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Replay makes the decision about a document again: the operator's policies
// judge it to the byte, and the waivers are those that it names, as they counted
// then. The same rules say the same of it, whenever and wherever. Nothing is
// signed, so that what comes out allows nothing.
func (g *Gate) Replay(ctx context.Context, input []byte) (*event.Decision, error) {
	in, err := g.schema.decode(input)
	if err != nil {
		return nil, err
	}
	req := engine.DecisionRequest{
		RunID: in.Run.ID,
		Attempt: &pluginv1.Attempt{
			Id: "replay", Run: in.Run.ID, Stage: in.Target.Stage, Environment: in.Target.Environment,
		},
	}
	v := newVerdict(req)
	v.planDigest, v.stage = in.Target.Plan.Digest, pipeline.StageName(in.Target.Stage)
	for _, call := range g.calls(ctx, req, v) {
		resp, err := g.evaluate(ctx, req, call, input)
		v.add(call, resp, err)
	}
	if ctx.Err() != nil { // stopped, which is nobody's verdict
		return nil, context.Cause(ctx)
	}
	v.waive(in)
	out := v.event()
	out.Input = digestOf(input)
	engine.Settle(&out, asItIs)
	return &out, nil
}

// asItIs masks nothing: a document that is kept holds no secret.
func asItIs(text string) string { return text }
