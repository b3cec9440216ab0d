package opa_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stagegate/stagegate/plugins/policy/opa"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func plugin() sdk.Plugin {
	return sdk.Plugin{Name: "policy", Version: "0.1.0", Policies: []sdk.Policy{opa.New()}}
}

func config(values map[string]cty.Value) cty.Value { return cty.ObjectVal(values) }

func text(s string) cty.Value { return cty.StringVal(s) }

func release(t *testing.T) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/release.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

const ownRule = `package stagegate.own

# METADATA
# title: Models are small
# custom:
#   id: model_small
#   severity: low
#   remedy: Quantize it.
deny contains result if {
	some artifact in input.artifacts
	artifact.size > data.stagegate.parameters.limit
	result := {"id": "model_small", "subject": artifact.name, "msg": "the model is too large", "facts": ["artifacts.size"]}
}
`

func writeBundle(t *testing.T, source string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"rules/own.rego": source, "rules/stagegate/parameters/data.yaml": "limit: 5000\n", "rules/.manifest": `{"revision":"7","metadata":{"name":"own","min_rules":1}}`,
	} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestConformance(t *testing.T) {
	t.Parallel()
	plugintest.Check(t, plugin())
}

func TestBuiltInBundleOverTheWire(t *testing.T) {
	t.Parallel()
	got := plugintest.Start(t, plugin()).Evaluate("opa", config(nil), release(t))
	if got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_PASS || !slices.IsSorted(got.GetRules()) || len(got.GetRules()) < 14 {
		t.Errorf("got %v", got)
	}
	b := got.GetBundles()[0]
	if b.GetName() != "compliance" || b.GetRevision() == "" || !strings.HasPrefix(b.GetDigest(), "sha256:") || b.GetLocation() != "built in" || b.GetLoadedAt() == nil {
		t.Errorf("bundle: %v", b)
	}
}

func TestOwnBundle(t *testing.T) {
	t.Parallel()
	h := plugintest.Start(t, plugin())
	dir := writeBundle(t, ownRule)
	with := config(map[string]cty.Value{"bundle": text("rules"), "parameters": cty.ObjectVal(map[string]cty.Value{"limit": cty.NumberIntVal(100)})})
	got := h.Evaluate("opa", with, release(t), plugintest.Options{WorkDir: dir})
	if got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_DENY || len(got.GetViolations()) != 2 {
		t.Fatalf("got %v", got)
	}
	v := got.GetViolations()[0]
	if v.GetRule() != "model_small" || v.GetRemedy() != "Quantize it." || v.GetSeverity() != "low" || v.GetFacts()[0] != "artifacts.size" {
		t.Errorf("violation: %v", v)
	}
	if b := got.GetBundles()[0]; b.GetName() != "own" || b.GetRevision() != "7" || b.GetLocation() != "rules" {
		t.Errorf("bundle: %v", b)
	}
	with = config(map[string]cty.Value{"bundle": text("rules")})
	if got := h.Evaluate("opa", with, release(t), plugintest.Options{WorkDir: dir}); got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_PASS {
		t.Errorf("with the bundle's own limit: %v", got)
	}
}

// What changes in a bundle counts at once: no older rules are kept for it.
func TestChangedBundleIsLoadedAgain(t *testing.T) {
	t.Parallel()
	h := plugintest.Start(t, plugin())
	dir := writeBundle(t, ownRule)
	with, options := config(map[string]cty.Value{"bundle": text("rules")}), plugintest.Options{WorkDir: dir}
	first := h.Evaluate("opa", with, release(t), options)
	if err := os.WriteFile(filepath.Join(dir, "rules/own.rego"), []byte(strings.Replace(ownRule, "> data.stagegate.parameters.limit", "> 0", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	second := h.Evaluate("opa", with, release(t), options)
	if first.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_PASS || second.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_DENY ||
		first.GetBundles()[0].GetDigest() == second.GetBundles()[0].GetDigest() {
		t.Errorf("first %v, second %v", first, second)
	}
}

func TestEvaluateErrors(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		source string
		config map[string]cty.Value
		says   string
	}{
		"no such bundle":  {ownRule, map[string]cty.Value{"bundle": text("none")}, "no such file"},
		"outside":         {ownRule, map[string]cty.Value{"bundle": text("/etc")}, "outside the pipeline's folder"},
		"http.send":       {strings.Replace(ownRule, "artifact.size >", "http.send({\"url\": \"x\"}).status_code >", 1), map[string]cty.Value{"bundle": text("rules")}, "undefined function http.send"},
		"too few rules":   {"package stagegate.own\n", map[string]cty.Value{"bundle": text("rules")}, "holds no rule"},
		"parameter":       {ownRule, map[string]cty.Value{"parameters": cty.ObjectVal(map[string]cty.Value{"allow": cty.True})}, "no parameter"},
		"parameters text": {ownRule, map[string]cty.Value{"parameters": text("x")}, "object of names"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := plugintest.Start(t, plugin()).Evaluate("opa", config(test.config), release(t), plugintest.Options{WorkDir: writeBundle(t, test.source)})
			if got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR || !strings.Contains(got.GetError(), test.says) {
				t.Errorf("got %v, want %q", got, test.says)
			}
		})
	}
	t.Run("input too large", func(t *testing.T) {
		t.Parallel()
		got := plugintest.Start(t, plugin()).Evaluate("opa", config(nil), []byte(strings.Repeat(" ", 1<<20+1)))
		if got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR || !strings.Contains(got.GetError(), "more than 1048576") {
			t.Errorf("got %v", got)
		}
	})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	blind := strings.Replace(ownRule, "artifact.size > data.stagegate.parameters.limit", `not startswith(artifact.digest, "sha256:")`, 1)
	tests := map[string]struct {
		source  string
		config  map[string]cty.Value
		summary string
		warning bool
	}{
		"nothing":                   {ownRule, nil, "", false},
		"good":                      {ownRule, map[string]cty.Value{"bundle": text("rules")}, "", false},
		"not known yet":             {ownRule, map[string]cty.Value{"bundle": cty.UnknownVal(cty.String)}, "", false},
		"absolute":                  {ownRule, map[string]cty.Value{"bundle": text("/etc/rules")}, "Bundle outside the pipeline's folder", false},
		"above":                     {ownRule, map[string]cty.Value{"bundle": text("../rules")}, "Bundle outside the pipeline's folder", false},
		"broken":                    {"package", map[string]cty.Value{"bundle": text("rules")}, "Unusable policy bundle", false},
		"parameters without bundle": {ownRule, map[string]cty.Value{"parameters": cty.EmptyObjectVal}, "Parameters without a bundle", false},
		"parameters of wrong type":  {ownRule, map[string]cty.Value{"bundle": text("rules"), "parameters": text("x")}, "Invalid parameters", false},
		"blind negation":            {blind, map[string]cty.Value{"bundle": text("rules")}, "Rules that say nothing when a value is missing", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := plugintest.Start(t, plugin()).Validate("opa", config(test.config), plugintest.Options{WorkDir: writeBundle(t, test.source)})
			switch {
			case test.summary == "" && len(got) > 0:
				t.Errorf("got %v", got)
			case test.summary != "" && (len(got) != 1 || got[0].Summary != test.summary || got.HasErrors() == test.warning || len(got[0].Path) != 1):
				t.Errorf("got %+v, want %q", got, test.summary)
			}
		})
	}
}

func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	component := opa.New()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			got, err := component.Evaluate(t.Context(), sdk.EvaluateRequest{
				Request: sdk.Request{Config: sdk.NewConfig(cty.ObjectVal(map[string]cty.Value{
					"bundle": cty.NullVal(cty.String), "parameters": cty.NullVal(cty.DynamicPseudoType),
				}))},
				Input: release(t),
			})
			if err != nil || got.Verdict != sdk.VerdictPass {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
	wg.Wait()
}
