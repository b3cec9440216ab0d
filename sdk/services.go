package sdk

import (
	"context"
	"errors"

	"github.com/stagegate/stagegate/sdk/decision"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

type builderService struct {
	pluginv1.UnimplementedBuilderServiceServer
	server *server
}

// Validate checks a builder's configuration.
func (b builderService) Validate(ctx context.Context, req *pluginv1.BuilderServiceValidateRequest) (*pluginv1.BuilderServiceValidateResponse, error) {
	out, err := b.server.validate(ctx, asComponent(named(b.server.plugin.Builders)), req.GetValidate())
	return &pluginv1.BuilderServiceValidateResponse{Validate: out}, err
}

// Build runs a builder.
func (b builderService) Build(req *pluginv1.BuildRequest, to grpc.ServerStreamingServer[pluginv1.BuildResponse]) error {
	builder, ok := named(b.server.plugin.Builders)(req.GetComponent())
	if !ok {
		return unknownComponent("builder", req.GetComponent())
	}
	x := execution{b.server, req.GetComponent(), req.GetAttempt(), req.GetConfig(), func(e *pluginv1.Event) error {
		return to.Send(&pluginv1.BuildResponse{Event: e})
	}}
	return x.run(to.Context(), func(ctx context.Context, r Request, out *Emitter) (produced, error) {
		outputs, err := builder.Build(ctx, r, out)
		return produced{outputs: outputs}, err
	})
}

// Attach stores a statement beside an artifact.
func (b builderService) Attach(ctx context.Context, req *pluginv1.AttachRequest) (*pluginv1.AttachResponse, error) {
	builder, ok := named(b.server.plugin.Builders)(req.GetComponent())
	if !ok {
		return nil, unknownComponent("builder", req.GetComponent())
	}
	attacher, ok := builder.(Attacher)
	if !ok {
		return nil, status.Errorf(codes.Unimplemented, "builder %s stores no statements", req.GetComponent())
	}
	r, err := b.server.request(req.GetComponent(), req.GetAttempt(), req.GetConfig())
	if err != nil {
		return nil, err
	}
	return unary(ctx, b.server, req.GetAttempt(), func(ctx context.Context) (*pluginv1.AttachResponse, error) {
		reference, err := attacher.Attach(ctx, AttachRequest{
			Request: r, Artifact: artifactFrom(req.GetArtifact()), PredicateType: req.GetPredicateType(), Envelope: req.GetEnvelope(),
		})
		if err != nil {
			_, failure := classify(ctx, err)
			return &pluginv1.AttachResponse{Failure: failure}, nil
		}
		return &pluginv1.AttachResponse{Reference: text(reference, maxLine)}, nil
	})
}

type testerService struct {
	pluginv1.UnimplementedTesterServiceServer
	server *server
}

// Validate checks a tester's configuration.
func (t testerService) Validate(ctx context.Context, req *pluginv1.TesterServiceValidateRequest) (*pluginv1.TesterServiceValidateResponse, error) {
	out, err := t.server.validate(ctx, asComponent(named(t.server.plugin.Testers)), req.GetValidate())
	return &pluginv1.TesterServiceValidateResponse{Validate: out}, err
}

// Test runs a tester.
func (t testerService) Test(req *pluginv1.TestRequest, to grpc.ServerStreamingServer[pluginv1.TestResponse]) error {
	tester, ok := named(t.server.plugin.Testers)(req.GetComponent())
	if !ok {
		return unknownComponent("tester", req.GetComponent())
	}
	x := execution{t.server, req.GetComponent(), req.GetAttempt(), req.GetConfig(), func(e *pluginv1.Event) error {
		return to.Send(&pluginv1.TestResponse{Event: e})
	}}
	return x.run(to.Context(), func(ctx context.Context, r Request, out *Emitter) (produced, error) {
		outputs, report, err := tester.Test(ctx, r, out)
		return produced{outputs: outputs, report: &report}, err
	})
}

type policyService struct {
	pluginv1.UnimplementedPolicyServiceServer
	server *server
}

// Validate checks a policy's configuration.
func (p policyService) Validate(ctx context.Context, req *pluginv1.PolicyServiceValidateRequest) (*pluginv1.PolicyServiceValidateResponse, error) {
	out, err := p.server.validate(ctx, asComponent(named(p.server.plugin.Policies)), req.GetValidate())
	return &pluginv1.PolicyServiceValidateResponse{Validate: out}, err
}

// Evaluate runs a policy. An error is a verdict of its own, so that it is
// recorded like any other and denies.
func (p policyService) Evaluate(ctx context.Context, req *pluginv1.EvaluateRequest) (*pluginv1.EvaluateResponse, error) {
	policy, ok := named(p.server.plugin.Policies)(req.GetComponent())
	if !ok {
		return nil, unknownComponent("policy", req.GetComponent())
	}
	r, err := p.server.request(req.GetComponent(), req.GetAttempt(), req.GetConfig())
	if err != nil {
		return nil, err
	}
	return unary(ctx, p.server, req.GetAttempt(), func(ctx context.Context) (*pluginv1.EvaluateResponse, error) {
		evaluation, err := policy.Evaluate(ctx, EvaluateRequest{Request: r, Input: req.GetInput()})
		if err != nil {
			evaluation.Verdict, evaluation.Err = VerdictError, err.Error()
		}
		return evaluationWire(evaluation), nil
	})
}

type deployerService struct {
	pluginv1.UnimplementedDeployerServiceServer
	server *server
}

// Validate checks a deployer's configuration.
func (d deployerService) Validate(ctx context.Context, req *pluginv1.DeployerServiceValidateRequest) (*pluginv1.DeployerServiceValidateResponse, error) {
	out, err := d.server.validate(ctx, asComponent(named(d.server.plugin.Deployers)), req.GetValidate())
	return &pluginv1.DeployerServiceValidateResponse{Validate: out}, err
}

// Plan renders what Apply would send.
func (d deployerService) Plan(ctx context.Context, req *pluginv1.PlanRequest) (*pluginv1.PlanResponse, error) {
	deployer, ok := named(d.server.plugin.Deployers)(req.GetComponent())
	if !ok {
		return nil, unknownComponent("deployer", req.GetComponent())
	}
	r, err := d.server.request(req.GetComponent(), req.GetAttempt(), req.GetConfig())
	if err != nil {
		return nil, err
	}
	return unary(ctx, d.server, req.GetAttempt(), func(ctx context.Context) (*pluginv1.PlanResponse, error) {
		result, err := deployer.Plan(ctx, r)
		out := planResultWire(result)
		if err != nil {
			out.Plan = nil
			_, out.Failure = classify(ctx, err)
		}
		return out, nil
	})
}

// Apply starts a rollout, if a decision allows exactly this plan.
func (d deployerService) Apply(req *pluginv1.ApplyRequest, to grpc.ServerStreamingServer[pluginv1.ApplyResponse]) error {
	deployer, ok := named(d.server.plugin.Deployers)(req.GetComponent())
	if !ok {
		return unknownComponent("deployer", req.GetComponent())
	}
	x := execution{d.server, req.GetComponent(), req.GetAttempt(), req.GetConfig(), func(e *pluginv1.Event) error {
		return to.Send(&pluginv1.ApplyResponse{Event: e})
	}}
	return x.run(to.Context(), func(ctx context.Context, r Request, out *Emitter) (produced, error) {
		if err := d.server.checkDecision(req); err != nil {
			return produced{}, err
		}
		outputs, rollout, err := deployer.Apply(ctx, ApplyRequest{Request: r, Plan: planOf(req.GetPlan())}, out)
		return produced{outputs: outputs, rollout: &rollout}, err
	})
}

// checkDecision refuses a plan that nobody with authority has allowed. It
// stands in the SDK so that no deployer can forget it.
func (s *server) checkDecision(req *pluginv1.ApplyRequest) error {
	at := req.GetAttempt()
	if at.GetRun() == "" || at.GetStage() == "" || at.GetIdempotencyKey() == "" {
		// What is empty would not be compared, and any decision on the plan fit.
		return refusal(errors.New("the attempt does not say to which run, stage and work it belongs"))
	}
	root, err := decision.LoadTrustRoot(s.trustRoot)
	if err != nil {
		return refusal(err)
	}
	_, err = decision.Check(root, req.GetPlan().GetContent(), req.GetDecisions(), decision.Want{
		PlanDigest:  req.GetPlan().GetDigest(),
		Environment: at.GetEnvironment(),
		Run:         at.GetRun(),
		Stage:       at.GetStage(),
		Nonce:       at.GetIdempotencyKey(),
		Now:         s.now(),
	})
	if err != nil {
		return refusal(err)
	}
	return nil
}

func refusal(err error) *Failure {
	return &Failure{
		Summary: "the plan may not be applied", Class: "decision_refused", Broken: true, Cause: err,
		Detail: "Nothing was applied. A deployer applies only the plan that a signed, unexpired decision allows for this environment.",
	}
}

// Observe reports where a rollout stands.
func (d deployerService) Observe(req *pluginv1.ObserveRequest, to grpc.ServerStreamingServer[pluginv1.ObserveResponse]) error {
	deployer, ok := named(d.server.plugin.Deployers)(req.GetComponent())
	if !ok {
		return unknownComponent("deployer", req.GetComponent())
	}
	x := execution{d.server, req.GetComponent(), req.GetAttempt(), req.GetConfig(), func(e *pluginv1.Event) error {
		return to.Send(&pluginv1.ObserveResponse{Event: e})
	}}
	return x.run(to.Context(), func(ctx context.Context, r Request, out *Emitter) (produced, error) {
		outputs, rollout, err := deployer.Observe(ctx, ObserveRequest{Request: r, Handle: req.GetHandle().GetData(), Follow: req.GetFollow()}, out)
		return produced{outputs: outputs, rollout: &rollout}, err
	})
}

// Rollback makes the release before serve again.
func (d deployerService) Rollback(req *pluginv1.RollbackRequest, to grpc.ServerStreamingServer[pluginv1.RollbackResponse]) error {
	deployer, ok := named(d.server.plugin.Deployers)(req.GetComponent())
	if !ok {
		return unknownComponent("deployer", req.GetComponent())
	}
	x := execution{d.server, req.GetComponent(), req.GetAttempt(), req.GetConfig(), func(e *pluginv1.Event) error {
		return to.Send(&pluginv1.RollbackResponse{Event: e})
	}}
	return x.run(to.Context(), func(ctx context.Context, r Request, out *Emitter) (produced, error) {
		if len(req.GetHandle().GetData()) == 0 {
			return produced{}, errors.New("roll back: there is no handle of what was applied")
		}
		rollout, err := deployer.Rollback(ctx, RollbackRequest{Request: r, Handle: req.GetHandle().GetData()}, out)
		return produced{rollout: &rollout}, err
	})
}

func unknownComponent(kind, name string) error {
	return status.Errorf(codes.NotFound, "there is no %s %q", kind, name)
}
