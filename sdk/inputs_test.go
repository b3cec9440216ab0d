package sdk_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

// cacheable is a toy that knows its inputs.
type cacheable struct {
	toy
	inputs sdk.Inputs
}

func (c cacheable) Inputs(context.Context, sdk.ValidateRequest) sdk.Inputs { return c.inputs }

func TestInputsReachTheHost(t *testing.T) {
	t.Parallel()
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	for name, tc := range map[string]struct{ given, want sdk.Inputs }{
		"complete":   {sdk.Inputs{Complete: true, Files: []string{"a", "!b"}}, sdk.Inputs{Complete: true, Files: []string{"a", "!b"}}},
		"incomplete": {sdk.Inputs{Reason: "who knows", Files: []string{"a"}}, sdk.Inputs{Reason: "who knows"}},
		"too many":   {sdk.Inputs{Complete: true, Files: many}, sdk.Inputs{Reason: "it depends on more than 1000 files and patterns; name folders instead"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := plugintest.Start(t, sdk.Plugin{Name: "toys", Version: "1.0.0", Builders: []sdk.Builder{cacheable{inputs: tc.given}}})
			if diff := cmp.Diff(tc.want, h.Inputs("toy", cty.EmptyObjectVal)); diff != "" {
				t.Error(diff)
			}
			wrong := cty.ObjectVal(map[string]cty.Value{"words": cty.ListVal([]cty.Value{cty.StringVal("")})})
			if diff := cmp.Diff(sdk.Inputs{}, h.Inputs("toy", wrong)); diff != "" {
				t.Errorf("of a wrong configuration: %s", diff)
			}
		})
	}
}

func TestComponentThatSaysNothingIsNotCacheable(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(sdk.Inputs{}, start(t, nil).Inputs("toy", cty.EmptyObjectVal)); diff != "" {
		t.Error(diff)
	}
}

func TestFilesAreInTheResult(t *testing.T) {
	t.Parallel()
	count := 2
	build := func(_ context.Context, _ sdk.Request, out *sdk.Emitter) (sdk.Outputs, error) {
		for i := range count {
			out.File(sdk.ResultFile{Path: fmt.Sprint("out/", i), Shared: i == 1})
		}
		return nil, nil
	}
	got := start(t, build).Build("toy", cty.EmptyObjectVal).Result.GetFiles()
	if len(got) != 2 || got[0].GetPath() != "out/0" || got[0].GetShared() || !got[1].GetShared() {
		t.Errorf("files %v", got)
	}
}
