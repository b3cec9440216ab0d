package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config"
)

// stages is a pipeline of n stages in a chain, 0.32 KiB each.
func stages(n int) string {
	var b strings.Builder
	b.WriteString("pipeline \"bench\" {}\nlocals { word = \"hello\" }\n")
	for i := range n {
		need := ""
		if i > 0 {
			need = fmt.Sprintf("[stage.s%d]", i-1)
		} else {
			need = "[]"
		}
		fmt.Fprintf(&b, `
stage "s%d" {
  uses    = "test.command"
  needs   = %s
  timeout = "20m"
  with {
    command = ["./work", "--number", "%d", local.word]
    env = {
      STAGE_NAME = "s%d"
      GREETING   = "${local.word} from stage number %d"
    }
  }
  retry {
    attempts = 3
    backoff  = "5s"
  }
}
`, i, need, i, i, i)
	}
	return b.String()
}

func benchmarkLoad(b *testing.B, n int) {
	b.Helper()
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.hcl"), []byte(stages(n)), 0o600); err != nil {
		b.Fatal(err)
	}
	described := plugins(b)
	b.ReportAllocs()
	for b.Loop() {
		source, diags := config.Parse(config.Options{Path: dir})
		clean(b, diags)
		_, diags = source.Load(config.Inputs{Plugins: described})
		clean(b, diags)
	}
}

// bareFile is the same pipeline for gohcl: parse and decode, and nothing more.
type bareFile struct {
	Pipeline struct {
		Name string `hcl:"name,label"`
	} `hcl:"pipeline,block"`
	Locals []struct {
		Rest hcl.Body `hcl:",remain"`
	} `hcl:"locals,block"`
	Stages []struct {
		Name    string         `hcl:"name,label"`
		Uses    string         `hcl:"uses"`
		Needs   hcl.Expression `hcl:"needs"`
		Timeout string         `hcl:"timeout"`
		With    struct {
			Command []string          `hcl:"command"`
			Env     map[string]string `hcl:"env"`
		} `hcl:"with,block"`
		Retry struct {
			Attempts int    `hcl:"attempts"`
			Backoff  string `hcl:"backoff"`
		} `hcl:"retry,block"`
	} `hcl:"stage,block"`
}

func benchmarkBare(b *testing.B, n int) {
	b.Helper()
	source := []byte(strings.ReplaceAll(strings.ReplaceAll(stages(n), "${local.word}", "hello"), "local.word", `"hello"`))
	b.ReportAllocs()
	for b.Loop() {
		parsed, diags := hclsyntax.ParseConfig(source, "a.hcl", hcl.InitialPos)
		if diags.HasErrors() {
			b.Fatal(diags)
		}
		var out bareFile
		if diags := gohcl.DecodeBody(parsed.Body, nil, &out); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}

func BenchmarkLoad10(b *testing.B)   { benchmarkLoad(b, 10) }
func BenchmarkLoad100(b *testing.B)  { benchmarkLoad(b, 100) }
func BenchmarkLoad1000(b *testing.B) { benchmarkLoad(b, 1000) }

func BenchmarkBare10(b *testing.B)   { benchmarkBare(b, 10) }
func BenchmarkBare100(b *testing.B)  { benchmarkBare(b, 100) }
func BenchmarkBare1000(b *testing.B) { benchmarkBare(b, 1000) }

// BenchmarkWith is what a stage costs at run time among 1,000.
func BenchmarkWith(b *testing.B) {
	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a.hcl"), []byte(stages(1000)), 0o600); err != nil {
		b.Fatal(err)
	}
	_, loaded := load(b, dir, config.Inputs{})
	stage := stageOf(b, loaded, "s500")
	b.ReportAllocs()
	for b.Loop() {
		if _, diags := loaded.Evaluator.With(stage, nil); diags.HasErrors() {
			b.Fatal(diags)
		}
	}
}
