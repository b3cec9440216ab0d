package docs_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/operator"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Every snippet of HCL is what it looks like: a whole pipeline, which loads
// with the plugins' schemas; a fragment, which parses; or a configuration of
// the operator's.
func TestSnippets(t *testing.T) {
	t.Parallel()
	plugins := described(t)
	seen := make(map[string]int)
	for _, p := range pages(t) {
		for _, f := range p.fences() {
			if f.info != "hcl" && !strings.HasPrefix(f.info, "hcl ") {
				continue
			}
			seen[f.info]++
			t.Run(fmt.Sprintf("%s:%d", p.name, f.line), func(t *testing.T) {
				t.Parallel()
				switch {
				case f.info == "hcl operator":
					_, diags := operator.Parse([]byte(f.code), "runner.hcl")
					report(t, diags, map[string][]byte{"runner.hcl": []byte(f.code)})
				case f.info == "hcl fragment" || strings.HasPrefix(p.name, "examples"):
					if _, diags := hclsyntax.ParseConfig([]byte(f.code), p.name, hcl.InitialPos); diags.HasErrors() {
						t.Error(diags)
					}
				case f.info == "hcl":
					loads(t, f.code, plugins)
				default:
					t.Errorf("a snippet is marked %q: write hcl, hcl fragment or hcl operator", f.info)
				}
			})
		}
	}
	if seen["hcl"] < 10 || seen["hcl operator"] == 0 {
		t.Errorf("there were hardly any snippets: %v", seen)
	}
}

func loads(t *testing.T, code string, plugins map[string]*pluginv1.DescribeResponse) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "pipeline.hcl"), []byte(code), 0o600); err != nil {
		t.Fatal(err)
	}
	src, diags := config.Parse(config.Options{Path: dir, RunnerVersion: "0.1.0"})
	report(t, diags, src.Contents())
	_, diags = src.Load(config.Inputs{Plugins: plugins, Cwd: dir})
	report(t, diags, src.Contents())
}

func report(t *testing.T, diags diag.List, sources map[string][]byte) {
	t.Helper()
	if len(diags) == 0 {
		return
	}
	var text strings.Builder
	if err := diag.Render(&text, diags, sources, diag.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Error("\n" + text.String())
}

// The first pipeline that a newcomer reads is the example that is run by a
// test.
func TestFirstPipelineIsTheExample(t *testing.T) {
	t.Parallel()
	example := read(t, "examples/pipelines/hello/pipeline.hcl").text
	for _, f := range read(t, "README.md").fences() {
		if f.info == "hcl" {
			if f.code != example {
				t.Error("the pipeline in README.md is not examples/pipelines/hello/pipeline.hcl")
			}
			return
		}
	}
	t.Error("README.md shows no pipeline")
}
