package gate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/proto"
)

// operatorDir is where the operator's policies look for relative paths: he
// names files absolutely, and the workspace is not his.
const operatorDir = "/"

// errTimeout is the cause of a policy's own deadline.
var errTimeout = errors.New("it took too long")

// call is one policy to ask.
type call struct {
	component pipeline.ComponentRef
	stage     string // of the pipeline; empty for the operator's
	place     int    // of the operator's, in the configuration
	config    *pluginv1.DynamicValue
	secrets   []string
}

// who names the policy in messages.
func (c call) who() string {
	if c.stage == "" {
		return "the operator's policy " + c.component.String()
	}
	return fmt.Sprintf("%s (stage %s)", c.component, c.stage)
}

// calls are all policies that govern the request: the operator's, always, and
// then the pipeline's own. What cannot even be asked goes into the verdict.
func (g *Gate) calls(ctx context.Context, req engine.DecisionRequest, v *verdict) []call {
	var out []call
	for i, p := range g.opts.Policies {
		config, err := g.operatorConfig(ctx, p)
		if err != nil {
			v.fail(call{component: p.Component}.who(), err)
			continue
		}
		out = append(out, call{component: p.Component, place: i, config: config})
	}
	for _, p := range req.Policies {
		c := call{component: p.Component, stage: p.Stage, config: p.Config, secrets: p.Secrets}
		own, err := g.hasRules(ctx, p)
		switch {
		case err != nil:
			v.fail(c.who(), err)
		case own:
			out = append(out, c)
		}
	}
	return out
}

// evaluate asks one policy, within its time. The plugin is not told of it: it
// could only end the call first, with an error that does not say why.
func (g *Gate) evaluate(ctx context.Context, req engine.DecisionRequest, c call, input []byte) (*pluginv1.EvaluateResponse, error) {
	limited, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer time.AfterFunc(g.opts.Timeout, func() { cancel(fmt.Errorf("%w: more than %v", errTimeout, g.opts.Timeout)) }).Stop()
	attempt, ok := proto.Clone(req.Attempt).(*pluginv1.Attempt)
	if !ok {
		return nil, errors.New("the attempt cannot be copied")
	}
	if c.stage == "" {
		attempt.WorkDir = operatorDir
	}
	resp, err := g.plugins.Evaluate(limited, c.component, &pluginv1.EvaluateRequest{
		Component: c.component.Name, Attempt: attempt, Config: c.config, Input: input,
	}, engine.Scope{AttemptID: attempt.GetId(), Secrets: c.secrets})
	if cause := context.Cause(limited); errors.Is(cause, errTimeout) {
		return nil, cause
	}
	return resp, err
}

// hasRules reports whether a policy stage brings rules of its own. A policy.opa
// without a bundle shows the operator's decision at its place. What a vendor's
// policy does without an argument is for the vendor to say: it is always asked.
func (g *Gate) hasRules(ctx context.Context, p engine.PolicyCall) (bool, error) {
	ty, _, err := g.configType(ctx, p.Component)
	if err != nil {
		return false, err
	}
	if p.Component.String() != "policy.opa" || !ty.HasAttribute("bundle") {
		return true, nil
	}
	config, err := dynamic.Decode(p.Config, ty)
	if err != nil {
		return false, fmt.Errorf("read its configuration: %w", err)
	}
	config, _ = config.Unmark()
	if config.IsNull() {
		return false, nil
	}
	bundle, _ := config.GetAttr("bundle").Unmark()
	return !bundle.IsNull(), nil
}

func (g *Gate) operatorConfig(ctx context.Context, p Policy) (*pluginv1.DynamicValue, error) {
	ty, block, err := g.configType(ctx, p.Component)
	if err != nil {
		return nil, err
	}
	out, err := dynamic.Encode(filled(p.Config, block, ty), ty)
	if err != nil {
		return nil, fmt.Errorf("its configuration: %w", err)
	}
	return out, nil
}

func (g *Gate) configType(ctx context.Context, c pipeline.ComponentRef) (cty.Type, *pluginv1.Block, error) {
	component, err := g.opts.Describe(ctx, c)
	if err != nil {
		return cty.NilType, nil, fmt.Errorf("describe %s: %w", c, err)
	}
	if component.GetKind() != pluginv1.Kind_KIND_POLICY {
		return cty.NilType, nil, fmt.Errorf("%s is no policy", c)
	}
	ty, err := dynamic.ImpliedType(component.GetConfig())
	if err != nil {
		return cty.NilType, nil, fmt.Errorf("schema of %s: %w", c, err)
	}
	return ty, component.GetConfig(), nil
}

// filled is a `with` block of which only some is written, or nothing.
func filled(config cty.Value, block *pluginv1.Block, ty cty.Type) cty.Value {
	values := make(map[string]cty.Value)
	for _, a := range block.GetAttributes() {
		values[a.GetName()] = cty.NullVal(ty.AttributeType(a.GetName()))
	}
	for _, b := range block.GetBlocks() {
		switch inner := ty.AttributeType(b.GetTypeName()); {
		case inner.IsListType():
			values[b.GetTypeName()] = cty.ListValEmpty(inner.ElementType())
		case inner.IsMapType():
			values[b.GetTypeName()] = cty.MapValEmpty(inner.ElementType())
		default:
			values[b.GetTypeName()] = cty.NullVal(inner)
		}
	}
	if config != cty.NilVal {
		maps.Copy(values, config.AsValueMap())
	}
	return cty.ObjectVal(values)
}
