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
		"groups without bundle":     {ownRule, map[string]cty.Value{"groups": cty.ListVal([]cty.Value{text("own")})}, "Groups without a bundle", false},
		"digest without bundle":     {ownRule, map[string]cty.Value{"digest": text("sha256:00")}, "Digest without a bundle", false},
		"no such group":             {ownRule, map[string]cty.Value{"bundle": text("rules"), "groups": cty.ListVal([]cty.Value{text("owm")})}, "Unusable policy bundle", false},
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
					"groups": cty.NullVal(cty.List(cty.String)), "digest": cty.NullVal(cty.String),
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

// Who takes some groups gets their rules and no others, and the decision says
// that something else was evaluated.
func TestSomeGroups(t *testing.T) {
	t.Parallel()
	h := plugintest.Start(t, plugin())
	groups := func(names ...string) cty.Value {
		list := make([]cty.Value, 0, len(names))
		for _, name := range names {
			list = append(list, text(name))
		}
		return config(map[string]cty.Value{"groups": cty.ListVal(list)})
	}
	evaluated := func(with cty.Value) (rules []string, digest string) {
		t.Helper()
		got := h.Evaluate("opa", with, release(t))
		if got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_PASS {
			t.Fatalf("got %v", got)
		}
		return got.GetRules(), got.GetBundles()[0].GetDigest()
	}
	all, whole := evaluated(config(nil))
	var parts []string
	for _, group := range []string{"baseline", "encryption", "access", "supply-chain", "production"} {
		rules, digest := evaluated(groups(group))
		if len(rules) < 4 || digest == whole {
			t.Errorf("%s: %d rules of bundle %s", group, len(rules), digest)
		}
		parts = append(parts, rules...)
	}
	if slices.Sort(parts); !slices.Equal(parts, all) {
		t.Errorf("the groups have %d rules together, the bundle has %d", len(parts), len(all))
	}
	two, once := evaluated(groups("baseline", "access"))
	_, again := evaluated(groups("access", "baseline", "access"))
	if once != again || !slices.Contains(two, "no_privileged") || !slices.Contains(two, "no_wildcard_rbac") || slices.Contains(two, "evals_passed") {
		t.Errorf("%v of %s and %s", two, once, again)
	}
	if got := h.Evaluate("opa", groups("baseline", "bas"), release(t)); got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR || !strings.Contains(got.GetError(), `no group "bas"; it has: access, baseline, encryption, production, supply-chain`) {
		t.Errorf("a group that is not there: %v", got)
	}
	none := config(map[string]cty.Value{"groups": cty.ListValEmpty(cty.String)})
	if got := h.Evaluate("opa", none, release(t)); got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR || !strings.Contains(got.GetError(), "groups is empty") {
		t.Errorf("no group: %v", got)
	}
}

// A bundle whose digest the operator has named is that one or none.
func TestBundleOfADigest(t *testing.T) {
	t.Parallel()
	h := plugintest.Start(t, plugin())
	dir := writeBundle(t, ownRule)
	options := plugintest.Options{WorkDir: dir}
	evaluate := func(digest string) *pluginv1.EvaluateResponse {
		t.Helper()
		return h.Evaluate("opa", config(map[string]cty.Value{"bundle": text("rules"), "digest": text(digest)}), release(t), options)
	}
	got := evaluate("sha256:" + strings.Repeat("0", 64))
	_, rest, ok := strings.Cut(got.GetError(), "its files have the digest ")
	if !ok || got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR {
		t.Fatalf("with another digest: %v", got)
	}
	digest, _, _ := strings.Cut(rest, ",")
	if got := evaluate(digest); got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_PASS || got.GetBundles()[0].GetDigest() != digest {
		t.Errorf("with its digest: %v", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "rules/stagegate/parameters/data.yaml"), []byte("limit: 6000\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got := evaluate(digest); got.GetVerdict() != pluginv1.PolicyVerdict_POLICY_VERDICT_ERROR {
		t.Errorf("tampered with: %v", got)
	}
}
