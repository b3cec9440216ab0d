package tests_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/policy/tests"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/plugintest"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

func plugin() sdk.Plugin {
	return sdk.Plugin{Name: "policy", Version: "0.1.0", Testers: []sdk.Tester{tests.Component{}}}
}

const sizeRules = `package stagegate.size

# METADATA
# title: Models are small
# custom:
#   id: model_small
deny contains result if {
	some artifact in input.artifacts
	too_large(artifact)
	result := {"id": "model_small", "subject": artifact.name, "msg": "the model is too large"}
}

too_large(artifact) if artifact.size > data.limits.bytes

too_large(artifact) if {
	artifact.kind == "archive"
	artifact.size > 10
}
`

const sizeTests = `package tests.size

import data.stagegate.size

test_small if count(size.deny) == 0 with input as data.fixtures.small

test_large if {
	some finding in size.deny with input as {"artifacts": [{"name": "m", "size": 4096}]}
	finding.subject == "m"
}
`

// bundle writes a bundle with tests into a work folder.
func bundle(t *testing.T, changes map[string]string) plugintest.Options {
	t.Helper()
	files := map[string]string{
		"policy/size.rego": sizeRules, "policy/size_test.rego": sizeTests, "policy/limits/data.json": `{"bytes": 1024}`,
		"policy/fixtures/data_test.yaml": "small:\n  artifacts:\n  - {name: m, size: 1}\n",
	}
	maps.Copy(files, changes)
	dir := t.TempDir()
	for name, content := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return plugintest.Options{WorkDir: dir}
}

func with(more map[string]cty.Value) cty.Value {
	values := map[string]cty.Value{"bundle": cty.StringVal("policy")}
	maps.Copy(values, more)
	return cty.ObjectVal(values)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	plugintest.Check(t, plugin())
}

func TestTestsThatPass(t *testing.T) {
	t.Parallel()
	got := plugintest.Start(t, plugin()).Test("tests", with(nil), bundle(t, nil))
	if !got.Succeeded() {
		t.Fatalf("got %v", got)
	}
	if n := got.Outputs.GetAttr("tests").LengthInt(); n != 2 {
		t.Errorf("%d tests", n)
	}
	// The body of the second too_large is on lines 15 to 18; the line of its head
	// and both of its expressions are never reached.
	files := got.Outputs.GetAttr("files").AsValueSlice()
	if len(files) != 1 || files[0].GetAttr("file").AsString() != "size.rego" {
		t.Fatalf("files: %#v", files)
	}
	missed := files[0].GetAttr("missed").AsValueSlice()
	if len(missed) == 0 || !missed[len(missed)-1].RawEquals(cty.NumberIntVal(17)) {
		t.Errorf("missed %#v", missed)
	}
	for _, want := range []string{"  size.rego  not reached: ", "17", "2 tests, 0 failed; "} {
		if !strings.Contains(string(got.Stdout), want) {
			t.Errorf("printed %q, without %q", got.Stdout, want)
		}
	}
	if m := got.Result.GetReport().GetMetrics()[0]; m.GetName() != "coverage" || m.GetValue() <= 50 || m.GetValue() >= 100 {
		t.Errorf("metric: %v", m)
	}
}

func TestEveryLineReached(t *testing.T) {
	t.Parallel()
	more := sizeTests + "\ntest_archive if count(size.deny) == 1 with input as {\"artifacts\": [{\"name\": \"m\", \"size\": 11, \"kind\": \"archive\"}]}\n"
	got := plugintest.Start(t, plugin()).Test("tests", with(map[string]cty.Value{"coverage_min": cty.NumberIntVal(100)}), bundle(t, map[string]string{"policy/size_test.rego": more}))
	if !got.Succeeded() || !got.Outputs.GetAttr("coverage").RawEquals(cty.NumberFloatVal(100)) {
		t.Errorf("got %v, %s", got, got.Stdout)
	}
	if th := got.Result.GetReport().GetThresholds(); len(th) != 1 || !th[0].GetMet() {
		t.Errorf("thresholds: %v", th)
	}
}

func TestTestsThatDoNotPass(t *testing.T) {
	t.Parallel()
	type values = map[string]cty.Value
	for name, test := range map[string]struct {
		files  map[string]string
		config values
		class  string
		says   []string
	}{
		"failing": {
			map[string]string{"policy/size_test.rego": sizeTests + "\ntest_wrong if {\n\tinput.x == 1 with input as {\"x\": 1}\n\tcount(size.deny) == 7 with input as data.fixtures.small\n}\n"}, nil,
			"tests_failed", []string{"1 of 3 tests failed", "size_test.rego:14: tests.size.test_wrong: not true: count(size.deny) == 7"},
		},
		"breaking": {
			map[string]string{"policy/size_test.rego": sizeTests + "\ntest_broken if to_number(\"x\") == 1\n"}, nil,
			"tests_failed", []string{"size_test.rego:12: tests.size.test_broken: ", "to_number"},
		},
		"too little": {
			nil, values{"coverage_min": cty.NumberIntVal(90)},
			"coverage_missed", []string{"of the rules, less than 90 %", "size.rego: no test reaches line "},
		},
		"no test": {
			map[string]string{"policy/size_test.rego": "package tests.size\n"}, nil,
			"no_tests", []string{"No test ran"},
		},
		"nothing matches": {nil, values{"run": cty.StringVal("nothing_like_this")}, "no_tests", []string{"No test ran"}},
		"only skipped": {
			map[string]string{"policy/size_test.rego": "package tests.size\n\ntodo_test_later if false\n"}, nil,
			"no_tests", []string{"No test ran"},
		},
		"no rule": {
			map[string]string{"policy/size.rego": "package stagegate.size\n"}, nil,
			"bundle_unusable", []string{"it holds no rule"},
		},
		"syntax": {
			map[string]string{"policy/size_test.rego": "package tests.size\n\ntest_x if {\n"}, nil,
			"bundle_unusable", []string{"size_test.rego:4"},
		},
		"forbidden call": {
			map[string]string{"policy/size_test.rego": "package tests.size\n\ntest_x if http.send({\"url\": \"x\"})\n"}, nil,
			"bundle_unusable", []string{"undefined function http.send"},
		},
		"test data taken": {
			map[string]string{"policy/limits/data_test.json": `{"bytes": 1}`}, nil,
			"bundle_unusable", []string{"limits/data_test.json: bytes is set by another file"},
		},
		"not there": {nil, values{"bundle": cty.StringVal("none")}, "bundle_unusable", []string{"no such file"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := plugintest.Start(t, plugin()).Test("tests", with(test.config), bundle(t, test.files))
			f := got.Failure()
			if f.GetClass() != test.class {
				t.Fatalf("got %v: %v", got, f)
			}
			broken := got.Result.GetOutcome() == pluginv1.Outcome_OUTCOME_ERROR
			if broken != (test.class == "bundle_unusable") {
				t.Errorf("outcome %v", got.Result.GetOutcome())
			}
			for _, want := range test.says {
				if !strings.Contains(f.GetSummary()+"\n"+f.GetDetail(), want) {
					t.Errorf("it says %v, without %q", f, want)
				}
			}
		})
	}
}

func TestOneTestIsRun(t *testing.T) {
	t.Parallel()
	got := plugintest.Start(t, plugin()).Test("tests", with(map[string]cty.Value{"run": cty.StringVal("test_small$")}), bundle(t, nil))
	if !got.Succeeded() || got.Outputs.GetAttr("tests").LengthInt() != 1 {
		t.Errorf("got %v", got)
	}
}

// The rules that are shipped are tested to the last line, by this very component.
func TestShippedRulesAreReached(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	policy := filepath.Join(dir, "policy")
	for from, to := range map[string]string{"../opa/bundle": policy, "../opa/testdata/rules": filepath.Join(policy, "tests")} {
		if err := os.CopyFS(to, os.DirFS(from)); err != nil {
			t.Fatal(err)
		}
	}
	release, err := os.ReadFile("../opa/testdata/release.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(policy, "release"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(policy, "release/data_test.json"), release, 0o644); err != nil {
		t.Fatal(err)
	}
	got := plugintest.Start(t, plugin()).Test("tests", with(map[string]cty.Value{"coverage_min": cty.NumberIntVal(100)}), plugintest.Options{WorkDir: dir})
	if !got.Succeeded() || got.Outputs.GetAttr("tests").LengthInt() < 100 {
		t.Errorf("got %v", got)
	}
}

// What tests print is beside their failure.
func TestPrinted(t *testing.T) {
	t.Parallel()
	got := plugintest.Start(t, plugin()).Test("tests", with(nil), bundle(t, map[string]string{
		"policy/size_test.rego": sizeTests + "\ntest_wrong if {\n\tprint(\"here it is\", data.limits)\n\tdata.limits.bytes == 1\n}\n",
	}))
	if !strings.Contains(string(got.Stdout), `here it is {"bytes": 1024}`) {
		t.Errorf("printed %q", got.Stdout)
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		config map[string]cty.Value
		says   string
	}{
		"outside":       {map[string]cty.Value{"bundle": cty.StringVal("../policy")}, "Bundle outside the pipeline's folder"},
		"no percentage": {map[string]cty.Value{"coverage_min": cty.NumberIntVal(101)}, "No percentage"},
		"expression":    {map[string]cty.Value{"run": cty.StringVal("(")}, "Invalid regular expression"},
		"right":         {nil, ""},
	} {
		diags := plugintest.Start(t, plugin()).Validate("tests", with(test.config))
		if (test.says == "") == diags.HasErrors() || test.says != "" && diags[0].Summary != test.says {
			t.Errorf("%s: %v", name, diags)
		}
	}
}
