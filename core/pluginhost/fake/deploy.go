package fake

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// deploy is the deployer fake.deploy: its environment is a file.
type deploy struct{}

// target is the plan's content and the handle.
type target struct {
	File    string `json:"file"`
	Content string `json:"content"`
}

// Schema is constant.
func (deploy) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "deploy", Description: "Writes a file.", Effect: sdk.EffectOnce,
		Config: sdk.Block{Attributes: []sdk.Attribute{
			{Name: "file", Type: cty.String, Required: true},
			{Name: "content", Type: cty.String},
			{Name: "artifact", Type: sdk.ArtifactType()},
			{Name: "cluster", Type: cty.String},
			{Name: "fault", Type: cty.String},
			{Name: "log", Type: cty.String},
			{Name: "line", Type: cty.String},
			{Name: "wait_for", Type: cty.String},
		}},
		Outputs: []sdk.Attribute{{Name: "file", Type: cty.String}, {Name: "token", Type: cty.String, Sensitive: true}},
	}
}

// Validate finds nothing.
func (deploy) Validate(context.Context, sdk.ValidateRequest) sdk.Diagnostics { return nil }

// Plan is what would be in the file.
func (deploy) Plan(_ context.Context, req sdk.Request) (sdk.PlanResult, error) {
	if req.Config.String("fault") == "no_plan" {
		return sdk.PlanResult{}, &sdk.Failure{Summary: "there is nothing at the other end", Class: "fake_unreachable", Detail: "Plug it in."}
	}
	t := target{File: req.Config.String("file"), Content: req.Config.String("content")}
	if a, ok := req.Config.Artifact("artifact"); ok {
		t.Content += a.Digest
	}
	if path := req.Config.String("cluster"); path != "" {
		state, err := os.ReadFile(path)
		if err != nil {
			return sdk.PlanResult{}, err
		}
		t.Content += string(state)
	}
	content, err := json.Marshal(t)
	if err != nil {
		return sdk.PlanResult{}, err
	}
	plan := sdk.NewPlan("application/json", content)
	plan.Environment, plan.Target = req.Attempt.Environment, "file "+t.File
	plan.Changes = []sdk.Change{t.change()}
	if req.Config.Set("cluster") {
		plan.Changes[0].Diff = t.Content
	}
	return sdk.PlanResult{Plan: plan, Facts: []sdk.Fact{{
		Name: "target.kind", State: sdk.FactVerified, Value: []byte(`"file"`), Source: "fake",
	}}}, nil
}

// change is what would happen to the file.
func (t target) change() sdk.Change {
	c := sdk.Change{Action: sdk.ActionCreate, Object: t.File}
	before, err := os.ReadFile(t.File)
	switch {
	case err != nil:
	case string(before) == t.Content:
		c.Action = sdk.ActionNone
	default:
		c.Action = sdk.ActionUpdate
		c.Diff = fmt.Sprintf("- %q\n+ %q", before, t.Content)
	}
	return c
}

// Apply writes the file, or leaves the line that the file's name stands for.
func (deploy) Apply(ctx context.Context, req sdk.ApplyRequest, out *sdk.Emitter) (sdk.Outputs, sdk.Rollout, error) {
	var t target
	if err := json.Unmarshal(req.Plan.Content, &t); err != nil {
		return nil, sdk.Rollout{}, err
	}
	if err := out.Handle(req.Plan.Content); err != nil {
		return nil, sdk.Rollout{}, err
	}
	if req.Config.String("fault") == "crash_after_handle" {
		misbehave("crash")
	}
	if req.Config.Set("log") {
		if err := leave(req.Config, t.File); err != nil {
			return nil, sdk.Rollout{}, err
		}
		return ready(ctx, req.Request, t)
	}
	if err := os.WriteFile(t.File, []byte(t.Content), 0o600); err != nil {
		return nil, sdk.Rollout{}, err
	}
	return ready(ctx, req.Request, t)
}

// ready waits until the rollout has ended, as wait_for says.
func ready(ctx context.Context, req sdk.Request, t target) (sdk.Outputs, sdk.Rollout, error) {
	if path := req.Config.String("wait_for"); path != "" {
		if err := await(ctx, path); err != nil {
			return nil, sdk.Rollout{Phase: sdk.Progressing, Replicas: 1}, err
		}
	}
	return sdk.Outputs{"file": cty.StringVal(t.File), "token": cty.StringVal("token-of-" + t.File)}, healthy(), nil
}

// Observe looks at the file, or for the line.
func (deploy) Observe(ctx context.Context, req sdk.ObserveRequest, out *sdk.Emitter) (sdk.Outputs, sdk.Rollout, error) {
	_, _ = out.Stdout().Write([]byte("observing\n"))
	t := target{File: req.Config.String("file")}
	if len(req.Handle) > 0 {
		if err := json.Unmarshal(req.Handle, &t); err != nil {
			return nil, sdk.Rollout{}, err
		}
	}
	if req.Config.Set("log") {
		there, err := left(req.Config, t.File)
		if err == nil && !there {
			err = sdk.ErrNothingApplied
		}
		if err != nil {
			return nil, sdk.Rollout{}, err
		}
		return ready(ctx, req.Request, t)
	}
	_, err := os.Stat(t.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, sdk.Rollout{}, sdk.ErrNothingApplied
	}
	if err != nil {
		return nil, sdk.Rollout{}, err
	}
	return ready(ctx, req.Request, t)
}

// Rollback removes the file.
func (deploy) Rollback(_ context.Context, req sdk.RollbackRequest, _ *sdk.Emitter) (sdk.Rollout, error) {
	var t target
	if err := json.Unmarshal(req.Handle, &t); err != nil {
		return sdk.Rollout{}, err
	}
	return sdk.Rollout{Phase: sdk.RolledBack}, os.Remove(t.File)
}

func healthy() sdk.Rollout { return sdk.Rollout{Phase: sdk.Healthy, Replicas: 1, Ready: 1} }
