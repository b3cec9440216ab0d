package opa

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/tester"
	"github.com/open-policy-agent/opa/v1/util"
)

// ruleTests are the Rego tests of the built-in rules, by file name.
func ruleTests(t *testing.T) map[string]string {
	t.Helper()
	out := make(map[string]string)
	files, err := filepath.Glob("testdata/rules/*_test.rego")
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests of rules: %v", err)
	}
	for _, name := range files {
		out[name] = string(readFile(t, name))
	}
	return out
}

func TestRules(t *testing.T) {
	t.Parallel()
	modules, err := parseModules(builtin())
	if err != nil {
		t.Fatal(err)
	}
	for name, source := range ruleTests(t) {
		m, err := ast.ParseModuleWithOpts(name, source, ast.ParserOptions{RegoVersion: ast.RegoV1, ProcessAnnotation: true})
		if err != nil {
			t.Fatal(err)
		}
		modules[name] = m
	}
	data, err := readData(builtin(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var release any
	if err := util.UnmarshalJSON(readFile(t, "testdata/release.json"), &release); err != nil {
		t.Fatal(err)
	}
	data["release"] = release
	store := inmem.NewFromObject(data)
	txn, err := store.NewTransaction(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer store.Abort(t.Context(), txn)
	results, err := tester.NewRunner().SetStore(store).RaiseBuiltinErrors(true).
		SetCompiler(ast.NewCompiler().WithCapabilities(capabilities()).WithStrict(true)).
		SetModules(modules).RunTests(t.Context(), txn)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for r := range results {
		ran++
		if !r.Pass() {
			t.Errorf("%s.%s (%s): %v", r.Package, r.Name, r.Location, r.Error)
		}
	}
	if ran < 4*len(builtinPolicy(t).rules.byID) {
		t.Errorf("only %d tests ran", ran)
	}
}

// Every rule has its four tests and says all that a person needs.
func TestEveryRuleIsComplete(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, source := range ruleTests(t) {
		all.WriteString(source)
	}
	rules := builtinPolicy(t).rules.byID
	for _, id := range slices.Sorted(maps.Keys(rules)) {
		for _, kind := range []string{"pass", "fail", "unknown", "missing"} {
			if name := "test_" + id + "_" + kind + " if "; !strings.Contains(all.String(), "\n"+name) {
				t.Errorf("%s has no test %s", id, name)
			}
		}
		r := rules[id]
		if r.Title == "" || r.Description == "" || r.Remedy == "" || len(r.Controls) == 0 || len(r.Facts) == 0 {
			t.Errorf("%s lacks title, description, remedy, controls or facts: %+v", id, r)
		}
		if !slices.Contains([]string{"low", "medium", "high", "critical"}, r.Severity) {
			t.Errorf("%s has the severity %q", id, r.Severity)
		}
		if !strings.HasSuffix(r.Description, ".") || !strings.HasSuffix(r.Remedy, ".") {
			t.Errorf("%s: description and remedy are sentences", id)
		}
	}
}

// A comparison with a fact that is missing is undefined, and what is undefined
// denies nothing: rules must not ask whether something is false.
func TestRulesAskForGoodNotForBad(t *testing.T) {
	t.Parallel()
	forbidden := map[string]*regexp.Regexp{
		"a comparison with false":          regexp.MustCompile(`[!=]= *false\b|\bfalse *[!=]=`),
		"an inequality with true":          regexp.MustCompile(`!= *true\b|\btrue *!=`),
		"an inequality with a fact":        regexp.MustCompile(`\.(state|value)\b[^\n]* != |!= [^\n]*\.(state|value)\b`),
		"a negated test of a fact's value": regexp.MustCompile(`not [a-z_.\[\]"]+\.value\b`),
		"a negated test of a fact's state": regexp.MustCompile(`not [a-z_.\[\]"]+\.state\b`),
		"a default that could let through": regexp.MustCompile(`(?m)^default `),
	}
	err := filepath.WalkDir("bundle", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".rego") {
			return err
		}
		source, err := os.ReadFile(name)
		for i, line := range strings.Split(string(source), "\n") {
			for what, pattern := range forbidden {
				if !strings.HasPrefix(strings.TrimSpace(line), "#") && pattern.MatchString(line) {
					t.Errorf("%s:%d: %s: %s", name, i+1, what, strings.TrimSpace(line))
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestRulesHaveNoBlindNegation(t *testing.T) {
	t.Parallel()
	modules, err := parseModules(builtin())
	if err != nil {
		t.Fatal(err)
	}
	for _, place := range blindNegations(modules) {
		t.Error(place)
	}
}

func TestBuiltInDeclaresItsRules(t *testing.T) {
	t.Parallel()
	m, err := readManifest(builtin())
	if err != nil {
		t.Fatal(err)
	}
	if got := len(builtinPolicy(t).rules.byID); m.Metadata.MinRules != got || got < 14 {
		t.Errorf("%s declares %d rules, there are %d", manifest, m.Metadata.MinRules, got)
	}
}
