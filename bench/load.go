package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// stagesPerFile keeps files below the size that the runner reads.
const stagesPerFile = 1000

// load measures what reading a pipeline costs by its size: beside a program
// that does nothing but parse and decode the same files with the HCL library.
func (b *bench) load() error {
	fmt.Println("\nReading a pipeline: a bare parse and decode, runner validate, runner plan")
	self, err := os.Executable()
	if err != nil {
		return err
	}
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "stages\tbare\tvalidate\tplan\tvalidate to bare\tper stage: bare\tvalidate\tplan\tvalidate memory\tper stage\tplan memory\t")
	for _, count := range []int{10, 100, 1000, 10_000} {
		dir, err := b.realistic(count)
		if err != nil {
			return err
		}
		got, err := b.interleave([]contender{
			{"bare", func() (sample, error) { return b.timed(dir, self, "-bare", dir) }},
			{"validate", func() (sample, error) { return b.timed(dir, b.runner, "validate", ".") }},
			{"plan", func() (sample, error) { return b.timed(dir, b.runner, "plan", ".") }},
		})
		if err != nil {
			return err
		}
		per := func(d time.Duration) string { return milliseconds(d / time.Duration(count)) }
		bare, validate, plan := got["bare"], got["validate"], got["plan"]
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%.2f\t%s\t%s\t%s\t%.0f MB\t%.0f kB\t%.0f MB\t\n", count,
			milliseconds(bare.wall), milliseconds(validate.wall), milliseconds(plan.wall), float64(validate.wall)/float64(bare.wall),
			per(bare.wall), per(validate.wall), per(plan.wall),
			float64(validate.rss)/1e6, float64(validate.rss)/1e3/float64(count), float64(plan.rss)/1e6)
	}
	return t.Flush()
}

// realistic writes a pipeline whose stages have what stages have: a command,
// an environment, a timeout, retries, and a need.
func (b *bench) realistic(count int) (string, error) {
	dir := filepath.Join(b.work, fmt.Sprintf("realistic-%d", count))
	err := write(dir, "pipeline.hcl", "pipeline \"bench\" {}\nlocals { word = \"hello\" }\n")
	for first := 0; first < count; first += stagesPerFile {
		var src strings.Builder
		for i := first; i < min(count, first+stagesPerFile); i++ {
			need := ""
			if i > 0 {
				need = fmt.Sprintf("stage.s%d", i-1)
			}
			fmt.Fprintf(&src, `
stage "s%d" {
  uses    = "test.command"
  needs   = [%s]
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
		err = errors.Join(err, write(dir, fmt.Sprintf("stages-%05d.hcl", first), src.String()))
	}
	return dir, err
}

// bareFile is what gohcl decodes a file of realistic into.
type bareFile struct {
	Pipelines []struct {
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
			Command hcl.Expression `hcl:"command"`
			Env     hcl.Expression `hcl:"env"`
		} `hcl:"with,block"`
		Retry struct {
			Attempts int    `hcl:"attempts"`
			Backoff  string `hcl:"backoff"`
		} `hcl:"retry,block"`
	} `hcl:"stage,block"`
}

// bare parses and decodes the files in a folder, and does nothing with them.
func bare(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.hcl"))
	if err != nil {
		return err
	}
	files := make([]bareFile, len(names))
	for i, name := range names {
		source, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		parsed, diags := hclsyntax.ParseConfig(source, name, hcl.InitialPos)
		if diags.HasErrors() {
			return diags
		}
		if diags := gohcl.DecodeBody(parsed.Body, nil, &files[i]); diags.HasErrors() {
			return diags
		}
	}
	return nil
}
