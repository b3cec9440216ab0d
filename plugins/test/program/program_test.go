package program_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/process"
	"github.com/zclconf/go-cty/cty"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		config map[string]cty.Value
		want   sdk.Diagnostics // severity, summary and path
	}{
		"good": {config: map[string]cty.Value{
			"command": strings("go", "test", "./..."), "dir": cty.StringVal("tests"),
			"env": cty.MapVal(map[string]cty.Value{"SEED": cty.StringVal("1")}),
		}},
		"not known yet": {config: map[string]cty.Value{
			"command": cty.UnknownVal(cty.List(cty.String)), "dir": cty.UnknownVal(cty.String),
		}},
		"no program": {
			config: map[string]cty.Value{"command": strings()},
			want:   sdk.Diagnostics{{Severity: sdk.Error, Summary: "The command has no program", Path: sdk.At(sdk.Attr("command"))}},
		},
		"a shell's words": {
			config: map[string]cty.Value{"command": strings("go test ./...")},
			want:   sdk.Diagnostics{{Severity: sdk.Warning, Summary: `The name of the program has a space in it: "go test ./..."`, Path: sdk.At(sdk.Attr("command"))}},
		},
		"NUL": {
			config: map[string]cty.Value{"command": strings("echo", "a\x00b")},
			want:   sdk.Diagnostics{{Severity: sdk.Error, Summary: "An argument holds a NUL character", Path: sdk.At(sdk.Attr("command"), sdk.Index(1))}},
		},
		"outside": {
			config: map[string]cty.Value{"command": strings("true"), "dir": cty.StringVal("../other")},
			want:   sdk.Diagnostics{{Severity: sdk.Error, Summary: `The folder "../other" cannot be used`, Path: sdk.At(sdk.Attr("dir"))}},
		},
		"environment": {
			config: map[string]cty.Value{"command": strings("true"), "env": cty.MapVal(map[string]cty.Value{
				"A=B": cty.StringVal("1"), "RUNNER_ATTEMPT": cty.StringVal("1"), "Z": cty.StringVal("a\x00"),
			})},
			want: sdk.Diagnostics{
				{Severity: sdk.Error, Summary: `The environment variable "A=B" cannot be set`, Path: sdk.At(sdk.Attr("env"), sdk.Key("A=B"))},
				{Severity: sdk.Error, Summary: "The environment variable RUNNER_ATTEMPT is the runner's own", Path: sdk.At(sdk.Attr("env"), sdk.Key("RUNNER_ATTEMPT"))},
				{Severity: sdk.Error, Summary: "The value of Z holds a NUL character", Path: sdk.At(sdk.Attr("env"), sdk.Key("Z"))},
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			full := map[string]cty.Value{
				"command": cty.NullVal(cty.List(cty.String)), "env": cty.NullVal(cty.Map(cty.String)), "dir": cty.NullVal(cty.String),
				"inputs": cty.NullVal(cty.List(cty.String)),
			}
			for k, v := range tt.config {
				full[k] = v
			}
			got := program.Validate(sdk.NewConfig(cty.ObjectVal(full)), "/tree")
			for _, d := range got {
				if d.Detail == "" {
					t.Errorf("%q has no remedy", d.Summary)
				}
			}
			if diff := cmp.Diff(tt.want, got, cmpopts.IgnoreFields(sdk.Diagnostic{}, "Detail")); diff != "" {
				t.Errorf("diagnostics (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFailed(t *testing.T) {
	t.Parallel()
	for exit, want := range map[process.Exit]string{
		{}:                            "",
		{Code: 3}:                     "The command ended with exit code 3",
		{Code: 137, Signal: "killed"}: "The command was ended by a signal (killed)",
	} {
		got := ""
		if f := program.Failed(exit); f != nil {
			got = f.Summary
			if f.ExitCode != exit.Code {
				t.Errorf("exit code is %d, want %d", f.ExitCode, exit.Code)
			}
		}
		if got != want {
			t.Errorf("Failed(%+v) says %q, want %q", exit, got, want)
		}
	}
}

func strings(args ...string) cty.Value {
	if len(args) == 0 {
		return cty.ListValEmpty(cty.String)
	}
	var list []cty.Value
	for _, a := range args {
		list = append(list, cty.StringVal(a))
	}
	return cty.ListVal(list)
}
