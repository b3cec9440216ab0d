package kubernetes_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

// place is a path as people write it.
func place(p sdk.Path) string {
	var b strings.Builder
	for _, step := range p {
		switch s := step.(type) {
		case sdk.Attr:
			fmt.Fprintf(&b, ".%s", string(s))
		case sdk.Key:
			fmt.Fprintf(&b, "[%q]", string(s))
		case sdk.Index:
			fmt.Fprintf(&b, "[%d]", int(s))
		}
	}
	return strings.TrimPrefix(b.String(), ".")
}

func text(s string) cty.Value { return cty.StringVal(s) }

func block(name string, v cty.Value) cty.Value {
	return cty.ObjectVal(map[string]cty.Value{name: v})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	digest := "sha256:" + strings.Repeat("a", 64)
	model := func(location string) cty.Value {
		return sdk.Artifact{Name: "digits", Digest: digest, MediaType: "x/y", Location: location}.Value()
	}
	number := cty.NumberIntVal
	for name, c := range map[string]struct {
		with map[string]cty.Value
		want string // place: summary; empty when all is well
	}{
		"least":                {nil, ""},
		"tag":                  {map[string]cty.Value{"image": text("localhost:5000/a/b:v1")}, ""},
		"image artifact":       {map[string]cty.Value{"image": model("oci://r.example/a@" + digest)}, ""},
		"model":                {map[string]cty.Value{"artifact": model("oci://r.example/a@" + digest), "model_path": text("/m")}, ""},
		"unknown values":       {map[string]cty.Value{"image": cty.DynamicVal, "artifact": cty.UnknownVal(sdk.ArtifactType()), "replicas": cty.UnknownVal(cty.Number), "model_path": text("/m")}, ""},
		"all blocks":           {map[string]cty.Value{"gpu": block("count", number(2)), "resources": block("memory", text("1Gi")), "readiness": block("path", text("/x")), "strategy": block("rolling", block("max_surge", text("25%")))}, ""},
		"image local":          {map[string]cty.Value{"image": model("oci-layout:/x@" + digest)}, `image: no usable image`},
		"image nonsense":       {map[string]cty.Value{"image": text("https://r.example/a")}, `image: no usable image`},
		"image short digest":   {map[string]cty.Value{"image": text("r.example/a@sha256:12")}, `image: no usable image`},
		"image number":         {map[string]cty.Value{"image": number(3)}, `image: no usable image`},
		"model local":          {map[string]cty.Value{"artifact": model("blob:" + digest)}, `artifact: the model cannot be mounted`},
		"model other digest":   {map[string]cty.Value{"artifact": model("oci://r.example/a@sha256:" + strings.Repeat("b", 64))}, `artifact: the model cannot be mounted`},
		"model path alone":     {map[string]cty.Value{"model_path": text("/m")}, `model_path: there is no model to mount`},
		"model path relative":  {map[string]cty.Value{"artifact": model("oci://r.example/a@" + digest), "model_path": text("m/../x")}, `model_path: "m/../x" is no place for a model`},
		"name":                 {map[string]cty.Value{"name": text("Digits_1")}, `name: "Digits_1" is not a valid name`},
		"namespace":            {map[string]cty.Value{"namespace": text("a.b")}, `namespace: "a.b" is not a valid namespace`},
		"pull secret":          {map[string]cty.Value{"pull_secret": text("A")}, `pull_secret: "A" is not a valid pull secret`},
		"no replicas":          {map[string]cty.Value{"replicas": number(0)}, `replicas: replicas cannot be 0`},
		"half a replica":       {map[string]cty.Value{"replicas": cty.NumberFloatVal(1.5)}, `replicas: replicas cannot be 1.5`},
		"port":                 {map[string]cty.Value{"port": number(70000)}, `port: port cannot be 70000`},
		"root":                 {map[string]cty.Value{"run_as_user": number(0)}, `run_as_user: run_as_user cannot be 0`},
		"variable":             {map[string]cty.Value{"env": cty.MapVal(map[string]cty.Value{"A=B": text("x")})}, `env["A=B"]: "A=B" is not a name for an environment variable`},
		"secret key":           {map[string]cty.Value{"secret_env": block("T", cty.ObjectVal(map[string]cty.Value{"secret": text("s"), "key": text("a/b")}))}, `secret_env["T"].key: "a/b" is not a valid key`},
		"set twice":            {map[string]cty.Value{"env": cty.MapVal(map[string]cty.Value{"T": text("x")}), "secret_env": block("T", cty.ObjectVal(map[string]cty.Value{"secret": text("s"), "key": text("k")}))}, `secret_env["T"]: T is set twice`},
		"sensitive":            {map[string]cty.Value{"env": cty.MapVal(map[string]cty.Value{"T": text("x").Mark(dynamic.Sensitive)})}, `env["T"]: a secret would be stored in clear`},
		"label":                {map[string]cty.Value{"node_selector": cty.MapVal(map[string]cty.Value{"a b": text("x")})}, `node_selector["a b"]: a b=x is not a label`},
		"timeout":              {map[string]cty.Value{"ready_timeout": text("5")}, `ready_timeout: "5" is not a usable ready timeout`},
		"no gpu":               {map[string]cty.Value{"gpu": block("count", number(0))}, `gpu.count: count cannot be 0`},
		"gpu without a domain": {map[string]cty.Value{"gpu": block("resource", text("cpu"))}, `gpu.resource: "cpu" is not the name of an accelerator`},
		"memory":               {map[string]cty.Value{"resources": block("memory", text("1 GB"))}, `resources.memory: "1 GB" is not an amount of memory`},
		"readiness path":       {map[string]cty.Value{"readiness": block("path", text("x"))}, `readiness.path: "x" is not a path`},
		"caller":               {map[string]cty.Value{"network": block("from_namespaces", cty.ListVal([]cty.Value{text("a"), text("B")}))}, `network.from_namespaces[1]: "B" is not a namespace`},
		"network":              {map[string]cty.Value{"network": block("egress_cidrs", cty.ListVal([]cty.Value{text("10.0.0.1/8")}))}, `network.egress_cidrs[0]: "10.0.0.1/8" is not a network`},
		"other strategy":       {map[string]cty.Value{"strategy": block("big_bang", cty.EmptyObjectVal)}, `strategy["big_bang"]: there is no strategy "big_bang"`},
		"recreate":             {map[string]cty.Value{"strategy": block("recreate", block("allow_downtime", cty.True))}, ""},
		"unsaid downtime":      {map[string]cty.Value{"strategy": block("recreate", cty.EmptyObjectVal)}, `strategy["recreate"]: recreate ends all pods before the first new one starts`},
		"refused downtime":     {map[string]cty.Value{"strategy": block("recreate", block("allow_downtime", cty.False))}, `strategy["recreate"]: recreate ends all pods before the first new one starts`},
		"another's argument":   {map[string]cty.Value{"strategy": block("rolling", block("allow_downtime", cty.True))}, `strategy["rolling"].allow_downtime: allow_downtime says nothing in strategy "rolling"`},
		"clocks":               {map[string]cty.Value{"patience": cty.ObjectVal(map[string]cty.Value{"queue": text("2h"), "image": text("0s")})}, ""},
		"clock":                {map[string]cty.Value{"patience": block("image", text("long"))}, `patience.image: "long" is not a usable image`},
		"capacity check":       {map[string]cty.Value{"capacity_check": text("hope")}, `capacity_check: "hope" is not a capacity check`},
		"bound":                {map[string]cty.Value{"strategy": block("rolling", block("max_surge", text("many")))}, `strategy["rolling"].max_surge: "many" is not a bound on pods`},
		"nothing can move":     {map[string]cty.Value{"strategy": block("rolling", block("max_surge", text("0")))}, `strategy["rolling"]: the update could replace nothing`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			with := map[string]cty.Value{"image": text(imageA)}
			maps.Copy(with, c.with)
			var got []string
			for _, d := range serve(t).Validate("kubernetes", cty.ObjectVal(with)) {
				got = append(got, place(d.Path)+": "+d.Summary)
				if d.Detail == "" || d.Severity != sdk.Error {
					t.Errorf("%q says nothing about what to do, or is no error", d.Summary)
				}
			}
			if diff := cmp.Diff(c.want, strings.Join(got, "\n")); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestValidateReportsAllAtOnce(t *testing.T) {
	t.Parallel()
	got := serve(t).Validate("kubernetes", cty.ObjectVal(map[string]cty.Value{
		"image": text("?"), "port": cty.NumberIntVal(0), "replicas": cty.NumberIntVal(-1), "drain": text("soon"),
	}))
	if len(got) != 4 {
		t.Errorf("%d diagnostics, want 4: %v", len(got), got)
	}
}
