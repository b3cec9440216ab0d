package config_test

import (
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

const placesPipeline = `
locals { list = ["x"] }
stage "s" {
  uses = "deploy.kubernetes"
  with {
    replicas = (3)
    port { number = 80 }
    port {
      number = 81
    }
    gpu { count = 1 }
    strategy "canary" {}
  }
}
stage "c" {
  uses = "test.command"
  with {
    command = ["a", "b"]
    env     = {
      KEY     = "one"
      "OTHER" = upper("two")
    }
  }
}
stage "l" {
  uses = "test.command"
  with { command = local.list }
}
stage "bare" {
  uses = "policy.opa"
}
`

func TestPlaceFindsWhatAPluginMeans(t *testing.T) {
	t.Parallel()
	source, loaded := load(t, write(t, placesPipeline), config.Inputs{})
	attr, key, index := dynamic.AttributeStep, dynamic.KeyStep, dynamic.IndexStep
	type steps = []*pluginv1.AttributePath_Step
	for _, c := range []struct {
		name, stage string
		path        steps
		want        string // the source at the place
	}{
		{"argument", "s", steps{attr("replicas")}, "(3)"},
		{"block of a list", "s", steps{attr("port"), index(1)}, "port"},
		{"argument in a block of a list", "s", steps{attr("port"), index(1), attr("number")}, "81"},
		{"block that is not there", "s", steps{attr("port"), index(7)}, "with"},
		{"all blocks of a type", "s", steps{attr("port")}, "port"},
		{"single block", "s", steps{attr("gpu"), attr("count")}, "1"},
		{"argument left out of a block", "s", steps{attr("gpu"), attr("resource")}, "gpu"},
		{"labelled block", "s", steps{attr("strategy"), key("canary")}, `strategy "canary"`},
		{"labelled block that is not there", "s", steps{attr("strategy"), key("x")}, "with"},
		{"list element", "c", steps{attr("command"), index(1)}, `"b"`},
		{"list element that is not there", "c", steps{attr("command"), index(9)}, `["a", "b"]`},
		{"map element", "c", steps{attr("env"), key("KEY")}, `KEY     = "one"`},
		{"map element in quotes", "c", steps{attr("env"), key("OTHER")}, `"OTHER" = upper("two")`},
		{"element of what is computed", "l", steps{attr("command"), index(0)}, "local.list"},
		{"argument left out", "c", steps{attr("settings")}, "with"},
		{"no path", "c", nil, "with"},
		{"no with block", "bare", steps{attr("bundle")}, `stage "bare"`},
		{"step without a selector", "c", steps{{}}, "with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := loaded.Evaluator.Place(stageOf(t, loaded, c.stage), &pluginv1.Diagnostic{
				Summary: "wrong", Detail: "because", Attribute: &pluginv1.AttributePath{Steps: c.path},
			})
			text := source.Contents()[d.Subject.Filename]
			if got := string(d.Subject.SliceBytes(text)); got != c.want {
				t.Errorf("place = %q, want %q", got, c.want)
			}
			if d.In != `stage "`+c.stage+`"` || d.Severity != diag.Error || d.Summary != "wrong" || d.Detail != "because" {
				t.Errorf("diagnostic = %+v", d)
			}
		})
	}
}

func TestPlaceKeepsWarnings(t *testing.T) {
	t.Parallel()
	_, loaded := load(t, write(t, placesPipeline), config.Inputs{})
	d := loaded.Evaluator.Place(stageOf(t, loaded, "c"), &pluginv1.Diagnostic{Severity: pluginv1.Severity_SEVERITY_WARNING})
	if d.Severity != diag.Warning || !strings.HasSuffix(d.Subject.Filename, "main.hcl") {
		t.Errorf("diagnostic = %+v", d)
	}
}
