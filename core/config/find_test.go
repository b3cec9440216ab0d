package config_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stagegate/stagegate/core/config"
)

const foundPipeline = `
stage "serve" {
  uses        = "deploy.kubernetes"
  environment = "staging"
  with {
    replicas = 2
    env      = { PLAIN = "a", "IN_QUOTES" = "b" }
    gpu { count = 1 }
    strategy "canary" {}
  }
  approval { required = 1 }
}
stage "each" {
  for_each = toset(["a", "b"])
  uses     = "test.command"
}
module "inner" { source = "./inner" }
`

// No plugin is there: only what is written is looked at.
func TestFind(t *testing.T) {
	t.Parallel()
	dir := write(t, foundPipeline)
	inner := filepath.Join(dir, "inner")
	if err := os.Mkdir(inner, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(inner, "serve.hcl"), []byte(`stage "serve" { uses = "deploy.kubernetes" }`), 0o644); err != nil {
		t.Fatal(err)
	}
	parsed, diags := config.Parse(config.Options{Path: dir, RunnerVersion: "0.1.0"})
	clean(t, diags)
	snapshot, err := parsed.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(dir); err != nil { // a snapshot is enough
		t.Fatal(err)
	}
	source, _ := config.Parse(config.Options{Path: dir, RunnerVersion: "0.1.0", Snapshot: snapshot})
	for _, test := range []struct {
		name, stage string
		words       []string
		want, in    string
	}{
		{"nothing named", "serve", []string{"elsewhere"}, `stage "serve"`, `stage "serve"`},
		{"argument of the stage", "serve", []string{"environment"}, `environment = "staging"`, `stage "serve"`},
		{"block of the stage", "serve", []string{"approval"}, "approval", `stage "serve"`},
		{"argument", "serve", []string{"replicas", "environment"}, "replicas = 2", `stage "serve"`},
		{"the innermost counts", "serve", []string{"PLAIN", "replicas"}, `PLAIN = "a"`, `stage "serve"`},
		{"key in quotes", "serve", []string{"env", "IN_QUOTES"}, `"IN_QUOTES" = "b"`, `stage "serve"`},
		{"the last of equals", "serve", []string{"replicas", "gpu"}, "gpu", `stage "serve"`},
		{"argument of a block", "serve", []string{"gpu", "count"}, "count = 1", `stage "serve"`},
		{"label", "serve", []string{"canary"}, `strategy "canary"`, `stage "serve"`},
		{"instance", `each["a"]`, []string{"for_each"}, `for_each = toset(["a", "b"])`, `stage "each"`},
		{"module", "module.inner.stage.serve", nil, `stage "serve"`, `stage "serve"`},
		{"no such stage", "other", nil, "", ""},
		{"no instance", `serve["a"]`, nil, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			at, in, ok := source.Find(test.stage, test.words)
			got := ""
			if ok {
				got = string(at.SliceBytes(source.Contents()[at.Filename]))
			}
			if got != test.want || in != test.in || ok != (test.want != "") {
				t.Errorf("got %q in %q, want %q in %q", got, in, test.want, test.in)
			}
		})
	}
}
