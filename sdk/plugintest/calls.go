package plugintest

import (
	"github.com/stagegate/stagegate/sdk"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/grpc"
)

// Validate asks the component about a configuration. Use unknown values for
// what another stage produces.
func (h *Harness) Validate(component string, config cty.Value, opts ...Options) sdk.Diagnostics {
	h.t.Helper()
	return diagnosticsOf(h.validate(component, config, opts).GetDiagnostics())
}

// Inputs asks the component what its result depends on. The zero value is the
// answer of one that does not know, and of one that finds the configuration
// wrong.
func (h *Harness) Inputs(component string, config cty.Value, opts ...Options) sdk.Inputs {
	h.t.Helper()
	in := h.validate(component, config, opts).GetInputs()
	return sdk.Inputs{Complete: in.GetComplete(), Reason: in.GetReason(), Files: in.GetFiles()}
}

func (h *Harness) validate(component string, config cty.Value, opts []Options) *pluginv1.ValidateResponse {
	h.t.Helper()
	o := h.options(opts)
	req := &pluginv1.ValidateRequest{Component: component, Config: h.encode(component, config), WorkDir: o.WorkDir}
	var out *pluginv1.ValidateResponse
	var err error
	switch h.component(component).GetKind() {
	case pluginv1.Kind_KIND_BUILDER:
		var r *pluginv1.BuilderServiceValidateResponse
		r, err = pluginv1.NewBuilderServiceClient(h.conn).Validate(o.Context, &pluginv1.BuilderServiceValidateRequest{Validate: req})
		out = r.GetValidate()
	case pluginv1.Kind_KIND_TESTER:
		var r *pluginv1.TesterServiceValidateResponse
		r, err = pluginv1.NewTesterServiceClient(h.conn).Validate(o.Context, &pluginv1.TesterServiceValidateRequest{Validate: req})
		out = r.GetValidate()
	case pluginv1.Kind_KIND_POLICY:
		var r *pluginv1.PolicyServiceValidateResponse
		r, err = pluginv1.NewPolicyServiceClient(h.conn).Validate(o.Context, &pluginv1.PolicyServiceValidateRequest{Validate: req})
		out = r.GetValidate()
	default:
		var r *pluginv1.DeployerServiceValidateResponse
		r, err = pluginv1.NewDeployerServiceClient(h.conn).Validate(o.Context, &pluginv1.DeployerServiceValidateRequest{Validate: req})
		out = r.GetValidate()
	}
	if err != nil {
		h.t.Fatalf("validate %s: %v", component, err)
	}
	h.checkInputs(component, out)
	return out
}

// streamed is the response type of a streaming call.
type streamed interface{ GetEvent() *pluginv1.Event }

func follow[R any, PR interface {
	*R
	streamed
}](h *Harness, component string, s grpc.ServerStreamingClient[R], err error) Outcome {
	h.t.Helper()
	return collect(h, component, func() (*pluginv1.Event, error) {
		m, err := s.Recv()
		if err != nil {
			return nil, err
		}
		return PR(m).GetEvent(), nil
	}, err)
}

// Build runs a builder once.
func (h *Harness) Build(component string, config cty.Value, opts ...Options) Outcome {
	h.t.Helper()
	o := h.options(opts)
	s, err := pluginv1.NewBuilderServiceClient(h.conn).Build(o.Context, &pluginv1.BuildRequest{
		Component: component, Attempt: h.attempt(o), Config: h.encode(component, config),
	})
	return follow(h, component, s, err)
}

// Attach has a builder store a statement beside an artifact.
func (h *Harness) Attach(component string, config cty.Value, artifact sdk.Artifact, envelope []byte, opts ...Options) *pluginv1.AttachResponse {
	h.t.Helper()
	o := h.options(opts)
	out, err := pluginv1.NewBuilderServiceClient(h.conn).Attach(o.Context, &pluginv1.AttachRequest{
		Component: component, Attempt: h.attempt(o), Config: h.encode(component, config),
		Artifact: &pluginv1.Artifact{
			Name: artifact.Name, Digest: artifact.Digest, MediaType: artifact.MediaType, Size: artifact.Size,
			Location: artifact.Location, Annotations: artifact.Annotations,
		},
		PredicateType: "https://slsa.dev/provenance/v1", Envelope: envelope,
	})
	if err != nil {
		h.t.Fatalf("attach to %s: %v", component, err)
	}
	return out
}

// Test runs a tester once.
func (h *Harness) Test(component string, config cty.Value, opts ...Options) Outcome {
	h.t.Helper()
	o := h.options(opts)
	s, err := pluginv1.NewTesterServiceClient(h.conn).Test(o.Context, &pluginv1.TestRequest{
		Component: component, Attempt: h.attempt(o), Config: h.encode(component, config),
	})
	return follow(h, component, s, err)
}

// Evaluate asks a policy for its verdict.
func (h *Harness) Evaluate(component string, config cty.Value, input []byte, opts ...Options) *pluginv1.EvaluateResponse {
	h.t.Helper()
	o := h.options(opts)
	out, err := pluginv1.NewPolicyServiceClient(h.conn).Evaluate(o.Context, &pluginv1.EvaluateRequest{
		Component: component, Attempt: h.attempt(o), Config: h.encode(component, config), Input: input,
	})
	if err != nil {
		h.t.Fatalf("evaluate %s: %v", component, err)
	}
	return out
}

// Plan asks a deployer what it would apply.
func (h *Harness) Plan(component string, config cty.Value, opts ...Options) *pluginv1.PlanResponse {
	h.t.Helper()
	o := h.options(opts)
	out, err := pluginv1.NewDeployerServiceClient(h.conn).Plan(o.Context, &pluginv1.PlanRequest{
		Component: component, Attempt: h.attempt(o), Config: h.encode(component, config),
	})
	if err != nil {
		h.t.Fatalf("plan %s: %v", component, err)
	}
	return out
}

// Apply applies a plan with the decisions given; Allow signs one.
func (h *Harness) Apply(component string, config cty.Value, plan *pluginv1.Plan, decisions [][]byte, opts ...Options) Outcome {
	h.t.Helper()
	o := h.options(opts)
	s, err := pluginv1.NewDeployerServiceClient(h.conn).Apply(o.Context, &pluginv1.ApplyRequest{
		Component: component, Attempt: h.attempt(o), Config: h.encode(component, config), Plan: plan, Decisions: decisions,
	})
	return follow(h, component, s, err)
}

// Observe asks where a rollout stands.
func (h *Harness) Observe(component string, config cty.Value, handle []byte, wait bool, opts ...Options) Outcome {
	h.t.Helper()
	o := h.options(opts)
	s, err := pluginv1.NewDeployerServiceClient(h.conn).Observe(o.Context, &pluginv1.ObserveRequest{
		Component: component, Attempt: h.attempt(o), Config: h.encode(component, config),
		Handle: &pluginv1.Handle{Data: handle}, Follow: wait,
	})
	return follow(h, component, s, err)
}

// Rollback makes the release before the handle's serve again.
func (h *Harness) Rollback(component string, config cty.Value, handle []byte, opts ...Options) Outcome {
	h.t.Helper()
	o := h.options(opts)
	s, err := pluginv1.NewDeployerServiceClient(h.conn).Rollback(o.Context, &pluginv1.RollbackRequest{
		Component: component, Attempt: h.attempt(o), Config: h.encode(component, config),
		Handle: &pluginv1.Handle{Data: handle},
	})
	return follow(h, component, s, err)
}
