package command_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	"github.com/zclconf/go-cty/cty"
)

func TestInputs(t *testing.T) {
	t.Parallel()
	h := start(t)
	undeclared := h.Inputs("command", config("true", nil))
	if diff := cmp.Diff(sdk.Inputs{Reason: "it does not declare its inputs"}, undeclared); diff != "" {
		t.Error(diff)
	}
	declared := h.Inputs("command", config("true", map[string]cty.Value{
		"inputs": words("./src/**", "!src/old", "go.mod"), "outputs": object("w", "out/[w].bin"),
	}))
	want := sdk.Inputs{Complete: true, Files: []string{"src/**", "!src/old", "go.mod", `!out/\[w].bin`}}
	if diff := cmp.Diff(want, declared); diff != "" {
		t.Error(diff)
	}
	if nothing := h.Inputs("command", config("true", map[string]cty.Value{"inputs": cty.ListValEmpty(cty.String)})); !nothing.Complete {
		t.Errorf("a command that reads no file: %+v", nothing)
	}
}

func TestInputsOutsideAreRefused(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"../x", "/etc/passwd", "!../x", "a[", ""} {
		diags := start(t).Validate("command", config("true", map[string]cty.Value{"inputs": words("fine", name)}))
		if len(diags) != 1 || diags[0].Summary != "unusable input" || cmp.Diff(sdk.At(sdk.Attr("inputs"), sdk.Index(1)), diags[0].Path) != "" {
			t.Errorf("%q: %+v", name, diags)
		}
	}
}

func TestOutputsBelongToTheResult(t *testing.T) {
	t.Parallel()
	got := start(t).Build("command", config(`mkdir out; printf w >out/w; printf c >out/c`,
		map[string]cty.Value{"outputs": object("w", "./out/w", "c", "out/c")}), plugintest.Options{WorkDir: t.TempDir()})
	var files []string
	for _, f := range got.Result.GetFiles() {
		files = append(files, f.GetPath())
	}
	if !got.Succeeded() || strings.Join(files, " ") != "out/c out/w" {
		t.Errorf("%s; files %q", got, files)
	}
}
