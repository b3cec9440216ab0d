package kubernetes_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	list := func(items ...string) cty.Value {
		out := make([]cty.Value, len(items))
		for i, item := range items {
			out[i] = text(item)
		}
		return cty.ListVal(out)
	}
	block := func(fields values) cty.Value { return cty.ObjectVal(fields) }
	pushed := sdk.Artifact{Name: "a", Digest: digest(), Location: "oci://registry.example/a@" + digest()}.Value()
	local := sdk.Artifact{Name: "a", Digest: digest(), Location: "blob:" + digest()}.Value()
	number := cty.NumberFloatVal
	for name, tc := range map[string]struct {
		config values
		want   []string // argument: summary
	}{
		"good":             {config: values{"image": pushed, "artifacts": cty.MapVal(values{"/models/a": pushed})}},
		"a tag":            {config: values{"image": text("python:3.13")}, want: []string{"image: The image cannot be used"}},
		"a digest of five": {config: values{"image": text("python@sha256:12345")}, want: []string{"image: The image cannot be used"}},
		"not pushed":       {config: values{"image": local, "artifacts": cty.MapVal(values{"/models/a": local})}, want: []string{"artifacts: The artifact cannot be mounted", "image: The image cannot be used"}},
		"a number":         {config: values{"image": cty.NumberIntVal(1)}, want: []string{"image: The image cannot be used"}},
		"command":          {config: values{"command": list("")}, want: []string{"command: The command has no program"}},
		"NUL":              {config: values{"command": list("a", "b\x00")}, want: []string{"command: An argument holds a NUL character"}},
		"too large":        {config: values{"command": list("a", strings.Repeat("x", 300_000))}, want: []string{"command: The command and its variables are too large"}},
		"environment": {config: values{"env": cty.MapVal(values{"RUNNER_X": text("1"), "A": text("\x00"), "B": text("1"), "=": text("")}), "secret_env": cty.MapVal(values{
			"B": block(values{"secret": text("S_"), "key": text("a/b")}),
		})}, want: []string{`env: "=" is not a name for an environment variable`, "env: The environment variable RUNNER_X is the runner's own", "env: The value of A holds a NUL character",
			`secret_env: "S_" is not a valid secret`, `secret_env: "a/b" is not a valid key`, "secret_env: B is set twice"}},
		"a secret in the environment": {config: values{"env": cty.MapVal(values{"TOKEN": text("t").Mark(dynamic.Sensitive)})}},
		"a secret elsewhere":          {config: values{"command": list("login").Mark(dynamic.Sensitive)}, want: []string{"command: A secret would be stored in clear"}},
		"places":                      {config: values{"artifacts": cty.MapVal(values{"/": pushed, "/proc/x": pushed, "a": pushed, "/a/../b": pushed})}, want: []string{`artifacts: "/" is no place for an artifact`, `artifacts: "/a/../b" is no place for an artifact`, `artifacts: "/proc/x" is no place for an artifact`, `artifacts: "a" is no place for an artifact`}},
		"names":                       {config: values{"namespace": text("A"), "queue": text("_"), "service_account": text("a b"), "pull_secret": text("-"), "node_selector": cty.MapVal(values{"a b": text("c")})}, want: []string{`namespace: "A" is not a valid namespace`, `node_selector: a b=c is not a label`, `pull_secret: "-" is not a valid pull secret`, `queue: "_" is not a valid queue`, `service_account: "a b" is not a valid service account`}},
		"times":                       {config: values{"deadline": text("0s"), "queue_timeout": text("soon"), "schedule_timeout": text("1000h")}, want: []string{`deadline: "0s" is not a usable deadline`, `queue_timeout: "soon" is not a usable queue timeout`, `schedule_timeout: "1000h" is not a usable schedule timeout`}},
		"amounts":                     {config: values{"run_as_user": number(0), "gpu": block(values{"resource": text("gpu"), "count": number(1.5)}), "resources": block(values{"cpu": text("-1"), "memory": text("lots")})}, want: []string{`gpu: "gpu" is not the name of an accelerator`, "gpu: count cannot be 1.5", `resources: "-1" is not an amount of cpu`, `resources: "lots" is not an amount of memory`, "run_as_user: run_as_user cannot be 0"}},
		"taints":                      {config: values{"toleration": cty.ListVal([]cty.Value{block(values{"key": text("a b"), "value": text("c d"), "effect": text("Never")})})}, want: []string{`toleration: "Never" is not an effect of a taint`, `toleration: "a b" is not the key of a taint`, `toleration: "c d" is not the value of a taint`}},
		"no metrics":                  {config: values{"metrics": cty.False, "threshold": cty.MapVal(values{"a": block(values{"min": number(1)})})}, want: []string{"metrics: There would be no metrics to judge"}},
		"no digest":                   {config: values{"artifact": sdk.Artifact{Name: "x"}.Value()}, want: []string{"artifact: The artifact has no digest"}},
		"not known yet":               {config: values{"image": cty.DynamicVal, "command": cty.UnknownVal(cty.List(cty.String)), "env": cty.UnknownVal(cty.Map(cty.String)), "deadline": cty.UnknownVal(cty.String)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			fields := values{"image": text(image)}
			maps.Copy(fields, tc.config)
			var got []string
			for _, d := range start(t).Validate("kubernetes", cty.ObjectVal(fields)) {
				at, _ := d.Path[0].(sdk.Attr)
				got = append(got, fmt.Sprintf("%s: %s", at, d.Summary))
				if d.Detail == "" {
					t.Errorf("%q has no remedy", d.Summary)
				}
			}
			slices.Sort(got)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
