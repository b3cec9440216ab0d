package sdk_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// toy is a builder whose behaviour the test gives.
type toy struct {
	build func(context.Context, sdk.Request, *sdk.Emitter) (sdk.Outputs, error)
}

func (toy) Schema() sdk.Schema {
	return sdk.Schema{
		Name: "toy", Description: "A toy.", Effect: sdk.EffectPure,
		Config: sdk.Block{
			Attributes: []sdk.Attribute{
				{Name: "words", Type: cty.List(cty.String), Description: "Words."},
				{Name: "token", Type: cty.String, Description: "A secret.", Sensitive: true},
			},
			Blocks: []sdk.NestedBlock{{Name: "part", Nesting: sdk.NestingMap, Label: "name", Block: sdk.Block{
				Description: "A part.",
				Attributes:  []sdk.Attribute{{Name: "size", Type: cty.Number, Required: true, Description: "Its size."}},
			}}},
		},
		Outputs: []sdk.Attribute{{Name: "answer", Type: cty.String, Description: "The answer."}},
	}
}

func (toy) Validate(_ context.Context, req sdk.ValidateRequest) sdk.Diagnostics {
	var diags sdk.Diagnostics
	for i, w := range req.Config.Strings("words") {
		if w == "" {
			diags.AddError(sdk.At(sdk.Attr("words"), sdk.Index(i)), "Empty word", "Write a word.")
		}
	}
	return diags
}

func (b toy) Build(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
	return b.build(ctx, req, out)
}

func start(t *testing.T, build func(context.Context, sdk.Request, *sdk.Emitter) (sdk.Outputs, error)) *plugintest.Harness {
	t.Helper()
	return plugintest.Start(t, sdk.Plugin{Name: "toys", Version: "1.0.0", Builders: []sdk.Builder{toy{build}}})
}

func TestConformance(t *testing.T) {
	plugintest.Check(t, sdk.Plugin{Name: "toys", Version: "1.0.0", Builders: []sdk.Builder{toy{}}})
}

func TestBuildCarriesEverything(t *testing.T) {
	h := start(t, func(_ context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
		_, _ = out.Stdout().Write(bytes.Repeat([]byte("x"), 100_000))
		_, _ = io.WriteString(out.Stderr(), "bad\xff")
		out.Progress("counting", 3, 3, "words")
		out.Artifact(sdk.Artifact{Name: "a", Digest: "sha256:00"})
		if err := out.Handle([]byte("h")); err != nil {
			return nil, err
		}
		part := req.Config.LabelledBlocks("part")["big"]
		if part.Int("size", 0) != 7 || req.Config.String("token") != "s3cret" || req.Attempt.Number != 1 {
			return nil, errors.New("the request is not as it was sent")
		}
		return sdk.Outputs{"answer": cty.StringVal(strings.Join(req.Config.Strings("words"), " "))}, nil
	})
	got := h.Build("toy", cty.ObjectVal(map[string]cty.Value{
		"words": cty.ListVal([]cty.Value{cty.StringVal("so"), cty.StringVal("long")}),
		"token": cty.StringVal("s3cret").Mark(dynamic.Sensitive),
		"part":  cty.MapVal(map[string]cty.Value{"big": cty.ObjectVal(map[string]cty.Value{"size": cty.NumberIntVal(7)})}),
	}))
	if !got.Succeeded() {
		t.Fatal(got)
	}
	if len(got.Stdout) != 100_000 || string(got.Stderr) != "bad\xff" || len(got.Artifacts) != 1 || len(got.Handles) != 1 {
		t.Errorf("events are missing: %d, %q, %v, %v", len(got.Stdout), got.Stderr, got.Artifacts, got.Handles)
	}
	if got.Outputs.GetAttr("answer").AsString() != "so long" {
		t.Errorf("got outputs %#v", got.Outputs)
	}
}

func TestOutcomes(t *testing.T) {
	tests := map[string]struct {
		err     error
		crash   bool
		outcome pluginv1.Outcome
		class   string
	}{
		"failure":   {err: &sdk.Failure{Summary: "no", Class: "says_no", ExitCode: 3}, outcome: pluginv1.Outcome_OUTCOME_FAILED, class: "says_no"},
		"transient": {err: &sdk.Failure{Summary: "later", Class: "busy", Transient: true}, outcome: pluginv1.Outcome_OUTCOME_ERROR, class: "busy"},
		"broken":    {err: &sdk.Failure{Summary: "disk", Class: "disk_full", Broken: true}, outcome: pluginv1.Outcome_OUTCOME_ERROR, class: "disk_full"},
		"error":     {err: errors.New("oh"), outcome: pluginv1.Outcome_OUTCOME_ERROR, class: "plugin_error"},
		"panic":     {crash: true, outcome: pluginv1.Outcome_OUTCOME_ERROR, class: "plugin_panic"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			h := start(t, func(_ context.Context, req sdk.Request, _ *sdk.Emitter) (sdk.Outputs, error) {
				if tt.crash {
					req.Config.String("no_such_argument")
				}
				return nil, tt.err
			})
			got := h.Build("toy", cty.EmptyObjectVal)
			if got.Result.GetOutcome() != tt.outcome || got.Failure().GetClass() != tt.class {
				t.Errorf("got %s", got)
			}
		})
	}
}

func TestUndeclaredOutputIsAnError(t *testing.T) {
	h := start(t, func(context.Context, sdk.Request, *sdk.Emitter) (sdk.Outputs, error) {
		return sdk.Outputs{"anser": cty.StringVal("typo")}, nil
	})
	if got := h.Build("toy", cty.EmptyObjectVal); got.Succeeded() || !strings.Contains(got.Failure().GetSummary(), `"anser"`) {
		t.Errorf("got %s", got)
	}
}

func TestBlobsComeBackWhole(t *testing.T) {
	content := bytes.Repeat([]byte("weights"), 200_000)
	h := start(t, func(ctx context.Context, req sdk.Request, _ *sdk.Emitter) (sdk.Outputs, error) {
		a, err := req.Host.WriteBlob(ctx, bytes.NewReader(content))
		if err != nil {
			return nil, err
		}
		r, err := req.Host.ReadBlob(ctx, a.Digest, 0, 0)
		if err != nil {
			return nil, err
		}
		back, err := io.ReadAll(r)
		if err != nil || !bytes.Equal(back, content) {
			return nil, errors.New("the blob has changed")
		}
		if part, err := req.Host.ReadBlob(ctx, a.Digest, 3, 4); err != nil {
			return nil, err
		} else if back, err = io.ReadAll(part); err != nil || string(back) != "ghts" {
			return nil, errors.New("the range is another: " + string(back))
		}
		if _, err := req.Host.ReadBlob(ctx, "sha256:none", 0, 0); err != nil {
			return nil, err
		}
		return sdk.Outputs{"answer": cty.StringVal(a.Digest)}, nil
	})
	if got := h.Build("toy", cty.EmptyObjectVal); !got.Succeeded() {
		t.Error(got)
	}
}

func TestValidateNamesThePlace(t *testing.T) {
	h := start(t, nil)
	got := h.Validate("toy", cty.ObjectVal(map[string]cty.Value{
		"words": cty.ListVal([]cty.Value{cty.StringVal("a"), cty.StringVal("")}),
	}))
	if len(got) != 1 || got[0].Summary != "Empty word" || len(got[0].Path) != 2 || got[0].Path[1] != sdk.Index(1) {
		t.Errorf("got %+v", got)
	}
}

func TestDescribeRefusesWhatNoPipelineCouldUse(t *testing.T) {
	_, err := sdk.Plugin{Name: "Toys!", Version: "1"}.Describe()
	if err == nil {
		t.Error("a bad name passes")
	}
	_, err = sdk.Plugin{Name: "toys", Version: "1", Builders: []sdk.Builder{toy{}, toy{}}}.Describe()
	if err == nil || !strings.Contains(err.Error(), "taken") {
		t.Errorf("two components of one name pass: %v", err)
	}
}
