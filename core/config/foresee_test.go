package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/sdk/dynamic"
	"github.com/zclconf/go-cty/cty"
)

const foreseePipeline = `
variable "nightly" { default = false }

locals {
  artifact = stage.weights.artifact
  label    = "of ${local.artifact.name}"
}

stage "weights" {
  uses = "build.model"
  with {
    name  = "w"
    files = []
  }
}

stage "each" {
  for_each = toset(["a", "b"])
  uses     = "build.model"
  with {
    name   = "each-${each.key}"
    files  = []
    labels = { of = local.label }
  }
}

module "serve" {
  source = "./serve"
  names  = { first = stage.each["a"].artifact.name, second = "known" }
}

stage "eval" {
  uses = "test.eval"
  when = stage.weights.artifact.name == "w"
  with {
    artifact = stage.weights.artifact
    command  = ["eval", stage.each["b"].artifact.name, stage.weights.key, run.id, secret("token"), "plain"]
    dynamic "threshold" {
      for_each = stage.weights.artifact.name
      labels   = ["x"]
      content { min = 1 }
    }
  }
}

stage "known" {
  uses        = "deploy.kubernetes"
  when        = var.nightly
  environment = "staging"
  needs       = [stage.weights]
  with { replicas = 2 }
}

stage "guarded" {
  uses = "deploy.kubernetes"
  when = true
  precondition {
    condition     = var.nightly
    error_message = "Only at night."
  }
  precondition {
    condition     = stage.weights.artifact.name == "w"
    error_message = "Only w."
  }
}
`

const foreseeModule = `
variable "names" { type = map(string) }

stage "deploy" {
  uses = "test.command"
  with {
    command = ["deploy"]
    env     = var.names
  }
}
`

func foreseeLoaded(t *testing.T) (*config.Loaded, *vault) {
	t.Helper()
	dir := write(t, foreseePipeline)
	if err := os.Mkdir(filepath.Join(dir, "serve"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "serve", "main.hcl"), []byte(foreseeModule), 0o644); err != nil {
		t.Fatal(err)
	}
	secrets := &vault{}
	_, loaded := load(t, dir, config.Inputs{Secrets: secrets})
	return loaded, secrets
}

// marksOf are the marks of a value and all in it, for people.
func marksOf(v cty.Value) string {
	_, marks := v.UnmarkDeep()
	var out []string
	for mark := range marks {
		switch m := mark.(type) {
		case pipeline.Origin:
			out = append(out, string(m))
		default:
			if mark == dynamic.Sensitive {
				out = append(out, "(sensitive)")
			}
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestForeseeSaysWhereUnknownValuesComeFrom(t *testing.T) {
	t.Parallel()
	loaded, secrets := foreseeLoaded(t)
	foresee := func(name string, outputs map[string]cty.Value) pipeline.Foreseen {
		t.Helper()
		out, unmet, diags := loaded.Evaluator.Foresee(stageOf(t, loaded, name), outputs)
		clean(t, append(diags, unmet...))
		return out
	}
	eval := foresee("eval", nil)
	got := map[string]string{
		"when":      marksOf(eval.When),
		"artifact":  marksOf(eval.With.GetAttr("artifact")),
		"threshold": marksOf(eval.With.GetAttr("threshold")),
		"label":     marksOf(foresee(`each["a"]`, nil).With.GetAttr("labels")),
		"module":    marksOf(foresee("module.serve.stage.deploy", nil).With.GetAttr("env")),
	}
	for i, v := range eval.With.GetAttr("command").AsValueSlice() {
		if bare, _ := v.Unmark(); bare.IsKnown() != (i == 0 || i == 5) {
			t.Errorf("command[%d] = %#v", i, v)
		}
		got["command "+string(rune('0'+i))] = marksOf(v)
	}
	want := map[string]string{
		"when": "weights", "artifact": "weights", "threshold": "weights", "label": "weights", "module": `each["a"]`,
		"command 0": "", "command 1": `each["b"]`, "command 2": "(sensitive) weights", "command 3": "", "command 4": "(sensitive)", "command 5": "",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("origins (-want +got):\n%s", diff)
	}
	if eval.WhenText != `stage.weights.artifact.name == "w"` || eval.When.IsKnown() {
		t.Errorf("when = %#v, %q", eval.When, eval.WhenText)
	}
	if len(secrets.asked) > 0 {
		t.Errorf("the secrets %v were resolved", secrets.asked)
	}

	known := foresee("known", nil)
	if known.When != cty.False || known.Environment != cty.StringVal("staging") || marksOf(known.With) != "" {
		t.Errorf("known = %#v", known)
	}

	// With the outputs of a stage there is nothing left to foresee.
	made := map[string]cty.Value{"weights": cty.ObjectVal(map[string]cty.Value{
		"artifact": cty.ObjectVal(map[string]cty.Value{"name": cty.StringVal("w"), "digest": cty.StringVal("sha256:0")}), "key": cty.StringVal("k"),
	})}
	if labels := foresee(`each["a"]`, made).With.GetAttr("labels"); marksOf(labels) != "" || !labels.IsWhollyKnown() {
		t.Errorf("labels = %#v", labels)
	}
}

func TestForeseeFindsPreconditionsThatDoNotHold(t *testing.T) {
	t.Parallel()
	loaded, _ := foreseeLoaded(t)
	_, unmet, diags := loaded.Evaluator.Foresee(stageOf(t, loaded, "guarded"), nil)
	clean(t, diags)
	if len(unmet) != 1 || !strings.Contains(unmet[0].Detail, "Only at night.") || unmet[0].In != `stage "guarded"` {
		t.Errorf("unmet = %+v", unmet)
	}
}
