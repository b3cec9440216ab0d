package config_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
)

// engineEvaluator is what the engine asks for; package engine is not imported,
// so that the two stay apart.
type engineEvaluator interface {
	When(stage *pipeline.Stage, outputs map[string]cty.Value) (bool, string, diag.List)
	Environment(stage *pipeline.Stage, outputs map[string]cty.Value) (string, diag.List)
	With(stage *pipeline.Stage, outputs map[string]cty.Value) (cty.Value, diag.List)
	Place(stage *pipeline.Stage, d *pluginv1.Diagnostic) diag.Diagnostic
}

var _ engineEvaluator = (*config.Evaluator)(nil)

// write makes a folder with one file, after a pipeline block.
func write(tb testing.TB, source string) string {
	tb.Helper()
	dir := tb.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.hcl"), []byte("pipeline \"p\" {}\n"+source), 0o644); err != nil {
		tb.Fatal(err)
	}
	return dir
}

// vault is a fake source of secrets that counts what it is asked.
type vault struct {
	mu    sync.Mutex
	asked []string
}

func (v *vault) Secret(name string) (string, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.asked = append(v.asked, name)
	if name == "absent" {
		return "", errors.New(`there is no secret "absent"; add it to the runner's configuration`)
	}
	return "value of " + name, nil
}

const secretsPipeline = `
locals {
  token  = secret("token")
  header = "Bearer ${local.token}"
  plain  = "x"
}
stage "call" {
  uses = "test.command"
  with {
    command = ["curl", local.plain]
    env     = { AUTH = local.header, OTHER = secret("other") }
  }
}
stage "fails" {
  uses = "test.command"
  with { command = [secret("absent")] }
}
`

func TestSecrets(t *testing.T) {
	t.Parallel()
	secrets := &vault{}
	_, loaded := load(t, write(t, secretsPipeline), config.Inputs{Secrets: secrets})
	if len(secrets.asked) != 0 {
		t.Errorf("loading asked for the secrets %v", secrets.asked)
	}
	call := stageOf(t, loaded, "call")
	if got := strings.Join(call.Secrets, ","); got != "other,token" {
		t.Errorf("secrets of the stage = %s", got)
	}
	env := loaded.With["call"].GetAttr("env")
	if bare, _ := env.UnmarkDeep(); bare.IsWhollyKnown() {
		t.Error("a secret is known before the run")
	}
	v, diags := loaded.Evaluator.With(call, nil)
	clean(t, diags)
	env, _ = v.GetAttr("env").Unmark()
	auth := env.Index(cty.StringVal("AUTH"))
	if !auth.HasMark(dynamic.Sensitive) {
		t.Error("what a secret is part of is not marked")
	}
	if bare, _ := auth.Unmark(); bare.AsString() != "Bearer value of token" {
		t.Errorf("AUTH = %q", bare.AsString())
	}
	if _, marks := v.GetAttr("command").UnmarkDeep(); len(marks) > 0 {
		t.Error("the command is marked, though no secret is part of it")
	}
	_, diags = loaded.Evaluator.With(stageOf(t, loaded, "fails"), nil)
	if !diags.HasErrors() || diags[0].In != `stage "fails"` {
		t.Errorf("diagnostics = %+v, want one in the stage", diags)
	}
}

func TestLocalsMayUseStages(t *testing.T) {
	t.Parallel()
	_, loaded := load(t, write(t, `
locals {
  artifact = stage.weights.artifact
  name     = upper(local.artifact.name)
}
stage "weights" {
  uses = "build.model"
  with {
    name  = "w"
    files = []
  }
}
stage "check" {
  uses = "test.command"
  when = local.name != ""
  with { command = ["check", local.name] }
}
`), config.Inputs{})
	check := stageOf(t, loaded, "check")
	if len(check.Needs) != 1 || check.Needs[0] != "weights" {
		t.Errorf("needs = %v, want weights", check.Needs)
	}
	outputs := map[string]cty.Value{"weights": cty.ObjectVal(map[string]cty.Value{
		"artifact": cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal("digits"), "digest": cty.StringVal("d")}),
		"key":      cty.NullVal(cty.String),
	})}
	v, diags := loaded.Evaluator.With(check, outputs)
	clean(t, diags)
	want := cty.ListVal([]cty.Value{cty.StringVal("check"), cty.StringVal("DIGITS")})
	if got := v.GetAttr("command"); !got.RawEquals(want) {
		t.Errorf("command = %#v", got)
	}
	wanted, why, diags := loaded.Evaluator.When(check, outputs)
	clean(t, diags)
	if !wanted || why != `when = local.name != "" is true` {
		t.Errorf("when = %v, %q", wanted, why)
	}
	_, _, diags = loaded.Evaluator.When(check, nil)
	if !diags.HasErrors() {
		t.Error("an unknown condition decided")
	}
}

func TestSensitiveOutputsStayMarked(t *testing.T) {
	t.Parallel()
	_, loaded := load(t, write(t, `
stage "weights" {
  uses = "build.model"
  with {
    name  = "w"
    files = []
    token = "given"
  }
}
stage "use" {
  uses = "test.command"
  with { command = [stage.weights.key, stage.weights.artifact.name] }
}
`), config.Inputs{})
	if !loaded.With["weights"].GetAttr("token").HasMark(dynamic.Sensitive) {
		t.Error("an argument that the schema calls sensitive is not marked")
	}
	outputs := map[string]cty.Value{"weights": cty.ObjectVal(map[string]cty.Value{
		"artifact": cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal("n"), "digest": cty.StringVal("d")}),
		"key":      cty.StringVal("hunter2"), // the plugin forgot to mark it
	})}
	v, diags := loaded.Evaluator.With(stageOf(t, loaded, "use"), outputs)
	clean(t, diags)
	command := v.GetAttr("command").AsValueSlice()
	if !command[0].HasMark(dynamic.Sensitive) || command[1].IsMarked() {
		t.Errorf("command = %#v", command)
	}
}

func TestSensitiveVariableIsNotShown(t *testing.T) {
	t.Parallel()
	dir := write(t, "variable \"key\" {\n  sensitive = true\n}\nvariable \"n\" {\n  type = number\n}")
	assignments, diags := config.ReadInputs(config.InputSources{
		Env: []string{"RUNNER_VAR_key=hunter2", "RUNNER_VAR_n=1", "RUNNER_VAR_unknown=x", "PATH=/bin"}, Flags: []string{"n=2"},
	})
	clean(t, diags)
	_, loaded := load(t, dir, config.Inputs{Variables: assignments})
	got := loaded.VariablesShown()
	if got["key"] != "(sensitive)" || got["n"] != "2" {
		t.Errorf("variables = %v", got)
	}
	if loaded.Variables[0].Source != "RUNNER_VAR_key" || loaded.Variables[1].Source != "--var n" {
		t.Errorf("sources = %q, %q", loaded.Variables[0].Source, loaded.Variables[1].Source)
	}
}

func TestFacts(t *testing.T) {
	t.Parallel()
	dir := write(t, `
stage "x" {
  uses = "test.command"
  with { command = [git.short_commit, git.branch, git.tag == null ? "none" : git.tag, run.id, run.started_at, path.root] }
}
`)
	in := config.Inputs{Git: config.Git{Commit: "0123456789abcdef", Ref: "refs/heads/main"}}
	_, before := load(t, dir, in)
	if before.With["x"].IsWhollyKnown() {
		t.Error("the run's facts are known before there is one")
	}
	in.Run = &config.Run{ID: "r1"}
	_, loaded := load(t, dir, in)
	var got []string
	for _, v := range loaded.With["x"].GetAttr("command").AsValueSlice() {
		got = append(got, v.AsString())
	}
	if want := "0123456789ab main none r1 0001-01-01T00:00:00Z " + dir; strings.Join(got, " ") != want {
		t.Errorf("facts = %v, want %s", got, want)
	}
}

func TestEvaluatorIsConcurrent(t *testing.T) {
	t.Parallel()
	_, loaded := load(t, filepath.Join("testdata", "digits"), config.Inputs{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, s := range loaded.Pipeline.Stages {
				if _, diags := loaded.Evaluator.With(s, nil); diags.HasErrors() {
					t.Errorf("%s: %v", s.Name, diags)
				}
			}
		})
	}
	wg.Wait()
}
