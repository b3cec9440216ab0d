package sdk

import "context"

// Component is what all four kinds have in common. Methods may be called from
// several goroutines at once: state of one execution belongs on its stack.
type Component interface {
	// Schema describes the component. It is constant.
	Schema() Schema

	// Validate reports what is wrong with a configuration, without side
	// effects. Values that no stage has produced yet are unknown; the accessors
	// of Config then return their zero value, and Config.Known tells.
	// The schema's own rules (types, required arguments) are checked before.
	Validate(ctx context.Context, req ValidateRequest) Diagnostics
}

// Builder makes artifacts.
type Builder interface {
	Component

	// Build runs one attempt. It returns the values of the schema's outputs.
	//
	// A *Failure says that what was run says no, or that the work could not be
	// done for a reason that the user can act on; any other error means that
	// the component could not do its work. When ctx ends, Build stops what it
	// started, removes what is half done, and returns context.Cause(ctx).
	Build(ctx context.Context, req Request, out *Emitter) (Outputs, error)
}

// Attacher is a builder that can store statements about its artifacts where these
// are, so that whoever has an artifact finds them.
type Attacher interface {
	Builder

	// Attach stores a statement that the runner has signed about an artifact which
	// Build has made with the same configuration, and returns where it is. That is
	// empty when the artifact is nowhere where a statement could be beside it. The
	// same statement may come again. Errors are those of Build.
	Attach(ctx context.Context, req AttachRequest) (reference string, err error)
}

// Tester judges artifacts by measuring them.
type Tester interface {
	Component

	// Test runs one attempt under the rules of Builder.Build. The report
	// belongs to the result even when the error is not nil.
	Test(ctx context.Context, req Request, out *Emitter) (Outputs, TestReport, error)
}

// Policy decides whether a plan may be applied.
type Policy interface {
	Component

	// Evaluate judges one policy input. The same request gives the same
	// verdict: time and whatever else varies is part of the input. An error
	// denies, as everything but VerdictPass does.
	Evaluate(ctx context.Context, req EvaluateRequest) (Evaluation, error)
}

// Deployer applies a plan to an environment.
type Deployer interface {
	Component

	// Plan renders exactly what Apply would send and changes nothing.
	Plan(ctx context.Context, req Request) (PlanResult, error)

	// Apply makes the environment match the plan. It is called only after the
	// SDK has verified that the plan's digest fits its content and that a
	// signed, unexpired decision allows that digest for that environment. It
	// emits a handle before the first change outside, and it may be called
	// again with the same idempotency key.
	Apply(ctx context.Context, req ApplyRequest, out *Emitter) (Outputs, Rollout, error)

	// Observe reports where a rollout stands, once or until it has ended.
	// ErrNothingApplied means that nothing of it is there.
	Observe(ctx context.Context, req ObserveRequest, out *Emitter) (Outputs, Rollout, error)

	// Rollback makes the release before the handle's serve again.
	Rollback(ctx context.Context, req RollbackRequest, out *Emitter) (Rollout, error)
}
