package plugintest_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// toy is a builder and a deployer.
type toy struct{}

func (toy) Schema() sdk.Schema {
	return sdk.Schema{Name: "toy", Description: "A toy.", Config: sdk.Block{
		Attributes: []sdk.Attribute{{Name: "word", Type: cty.String, Description: "A word."}},
	}, Outputs: []sdk.Attribute{{Name: "said", Type: cty.String, Description: "What was said."}}}
}

func (toy) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	if req.Config.Set("word") && req.Config.String("word") == "" {
		diags.AddError(sdk.At(sdk.Attr("word")), "No word", "Say something.")
	}
	return diags
}

func (toy) Plan(_ context.Context, req sdk.Request) (sdk.PlanResult, error) {
	plan := sdk.NewPlan("text/plain", []byte(req.Config.String("word")))
	plan.Environment = req.Attempt.Environment
	return sdk.PlanResult{Plan: plan}, nil
}

func (toy) Apply(_ context.Context, req sdk.ApplyRequest, out *sdk.Emitter) (sdk.Outputs, sdk.Rollout, error) {
	_, _ = out.Stdout().Write(req.Plan.Content)
	return sdk.Outputs{"said": cty.StringVal(string(req.Plan.Content))}, sdk.Rollout{Phase: sdk.Healthy}, out.Handle([]byte("h"))
}

func (toy) Observe(context.Context, sdk.ObserveRequest, *sdk.Emitter) (sdk.Outputs, sdk.Rollout, error) {
	return nil, sdk.Rollout{}, sdk.ErrNothingApplied
}

func (toy) Rollback(_ context.Context, req sdk.RollbackRequest, _ *sdk.Emitter) (sdk.Rollout, error) {
	return sdk.Rollout{Phase: sdk.RolledBack, Message: string(req.Handle)}, nil
}

func (toy) Build(ctx context.Context, req sdk.Request, _ *sdk.Emitter) (sdk.Outputs, error) {
	a, err := req.Host.WriteBlob(ctx, strings.NewReader("content"))
	if err != nil {
		return nil, err
	}
	r, err := req.Host.ReadBlob(ctx, a.Digest, 0, 0)
	if err != nil {
		return nil, err
	}
	back, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	password, err := req.Host.ResolveSecret(ctx, "password")
	return sdk.Outputs{"said": cty.StringVal(string(back) + string(password))}, err
}

func builder(c toy) sdk.Plugin {
	return sdk.Plugin{Name: "toys", Version: "1.0.0", Builders: []sdk.Builder{c}}
}

func deployer(c toy) sdk.Plugin {
	return sdk.Plugin{Name: "toys", Version: "1.0.0", Deployers: []sdk.Deployer{c}}
}

func TestCheckPassesWhatKeepsToTheContract(t *testing.T) {
	t.Parallel()
	plugintest.Check(t, deployer(toy{}))
	plugintest.Check(t, builder(toy{}))
}

// Apply needs a decision that is about this very plan and place.
func TestApplyNeedsItsDecision(t *testing.T) {
	t.Parallel()
	h := plugintest.Start(t, deployer(toy{}))
	config := cty.ObjectVal(map[string]cty.Value{"word": cty.StringVal("hello")})
	here := plugintest.Options{Environment: "staging"}
	plan := h.Plan("toy", config, here).GetPlan()
	other := sdk.NewPlan("text/plain", []byte("other"))
	tests := map[string]struct {
		decisions [][]byte
		options   plugintest.Options
		refused   bool
	}{
		"allowed":           {decisions: h.Allow(plan, here), options: here},
		"no decision":       {options: here, refused: true},
		"another plan":      {decisions: h.Allow(&pluginv1.Plan{Digest: other.Digest}, here), options: here, refused: true},
		"another place":     {decisions: h.Allow(plan, here), options: plugintest.Options{Environment: "production"}, refused: true},
		"another stage's":   {decisions: h.Allow(plan, plugintest.Options{Environment: "staging", IdempotencyKey: "x"}), options: here, refused: true},
		"one of two is bad": {decisions: append(h.Allow(plan, here), []byte("{}")), options: here, refused: true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := h.Apply("toy", config, plan, tt.decisions, tt.options)
			if tt.refused {
				if got.Failure().GetClass() != "decision_refused" || len(got.Handles) > 0 {
					t.Errorf("it is not refused: %s", got)
				}
				return
			}
			if !got.Succeeded() || string(got.Stdout) != "hello" || got.Outputs.GetAttr("said").AsString() != "hello" {
				t.Errorf("got %s, outputs %#v", got, got.Outputs)
			}
		})
	}
}

func TestValidateNamesThePlace(t *testing.T) {
	t.Parallel()
	h := plugintest.Start(t, deployer(toy{}))
	got := h.Validate("toy", cty.ObjectVal(map[string]cty.Value{"word": cty.StringVal("")}))
	want := sdk.Diagnostics{{Severity: sdk.Error, Summary: "No word", Detail: "Say something.", Path: sdk.At(sdk.Attr("word"))}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestObserveAndRollback(t *testing.T) {
	t.Parallel()
	h := plugintest.Start(t, deployer(toy{}))
	if got := h.Observe("toy", cty.EmptyObjectVal, nil, false); got.Failure().GetClass() != "nothing_applied" {
		t.Errorf("observe: %s", got)
	}
	if got := h.Rollback("toy", cty.EmptyObjectVal, []byte("h")); !got.Succeeded() || got.Result.GetRollout().GetMessage() != "h" {
		t.Errorf("roll back: %s", got)
	}
	if got := h.Rollback("toy", cty.EmptyObjectVal, nil); got.Succeeded() {
		t.Errorf("it rolls back without a handle: %s", got)
	}
}

func TestStoreKeepsBlobsAndSecrets(t *testing.T) {
	t.Parallel()
	h := plugintest.Start(t, builder(toy{}))
	if got := h.Build("toy", cty.EmptyObjectVal); got.Succeeded() || !strings.Contains(got.Failure().GetSummary(), "password") {
		t.Errorf("a secret that is not there: %s", got)
	}
	h.Store.AddSecret("password", "s3cret")
	got := h.Build("toy", cty.EmptyObjectVal)
	if !got.Succeeded() {
		t.Fatal(got)
	}
	if diff := cmp.Diff("contents3cret", got.Outputs.GetAttr("said").AsString()); diff != "" {
		t.Error(diff)
	}
	sum := h.Store.AddBlob([]byte("content"))
	if back, ok := h.Store.Blob(sum); !ok || !bytes.Equal(back, []byte("content")) {
		t.Errorf("got %q, %v", back, ok)
	}
}
