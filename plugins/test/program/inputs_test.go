package program_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

func TestInputs(t *testing.T) {
	t.Parallel()
	ask := func(inputs cty.Value, written ...string) sdk.Inputs {
		config := sdk.NewConfig(cty.ObjectVal(map[string]cty.Value{"inputs": inputs}))
		return program.Inputs(sdk.ValidateRequest{Config: config, WorkDir: "/tree"}, written...)
	}
	if diff := cmp.Diff(sdk.Inputs{Reason: "it does not declare its inputs"}, ask(cty.NullVal(cty.List(cty.String)))); diff != "" {
		t.Error(diff)
	}
	got := ask(strings("./tests/**", "!tests/old", "/tree/go.mod"), "out/TEST-*.xml")
	want := sdk.Inputs{Complete: true, Files: []string{"tests/**", "!tests/old", "go.mod", "!out/TEST-*.xml"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestInputsOutsideAreRefused(t *testing.T) {
	t.Parallel()
	config := sdk.NewConfig(cty.ObjectVal(map[string]cty.Value{
		"command": strings("true"), "env": cty.NullVal(cty.Map(cty.String)), "dir": cty.NullVal(cty.String),
		"inputs": strings("fine", "../x", "!/etc", "a["),
	}))
	at := func(i int) sdk.Path { return sdk.At(sdk.Attr("inputs"), sdk.Index(i)) }
	want := sdk.Diagnostics{
		{Severity: sdk.Error, Summary: `The input "../x" cannot be used`, Path: at(1)},
		{Severity: sdk.Error, Summary: `The input "!/etc" cannot be used`, Path: at(2)},
		{Severity: sdk.Error, Summary: `The input "a[" cannot be used`, Path: at(3)},
	}
	if diff := cmp.Diff(want, program.Validate(config, "/tree"), cmpopts.IgnoreFields(sdk.Diagnostic{}, "Detail")); diff != "" {
		t.Error(diff)
	}
}
