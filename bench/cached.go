package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// cachedStages is the size of the pipeline that is wholly cached.
const cachedStages = 100

// cached measures a run in which nothing has changed: 100 stages in series, each
// with a file that it reads and one that it makes, beside make with nothing to
// do and the same run with everything executed.
func (b *bench) cached() error {
	dir, err := b.cachedPipeline()
	if err != nil {
		return err
	}
	runner := func(more ...string) func() (sample, error) {
		args := append([]string{"run", "--format", "plain"}, more...)
		return func() (sample, error) { return b.timed(dir, b.runner, append(args, ".")...) }
	}
	if _, err := runner()(); err != nil { // the first run fills the cache
		return err
	}
	got, err := b.interleave([]contender{
		{"make", func() (sample, error) { return b.timed(dir, "make", "--silent") }},
		{"cached", runner()},
		{"executed", runner("--no-cache")},
	})
	if err != nil {
		return err
	}
	fmt.Printf("\n%d stages in series, wholly cached: %s (%s per stage), all executed %s, make with nothing to do %s\n",
		cachedStages, milliseconds(got["cached"].wall), milliseconds(got["cached"].wall/cachedStages),
		milliseconds(got["executed"].wall), milliseconds(got["make"].wall))
	return nil
}

// cachedPipeline writes stages that copy a file of 64 KiB, and the same for
// make.
func (b *bench) cachedPipeline() (string, error) {
	dir := filepath.Join(b.work, "cached")
	var src, rules strings.Builder
	src.WriteString("pipeline \"cached\" {}\n")
	fmt.Fprintf(&rules, "all: out/s%d\n", cachedStages-1)
	var problems error
	for i := range cachedStages {
		before, prerequisite := "", ""
		if i > 0 {
			before, prerequisite = fmt.Sprintf("  needs = [stage.s%d]\n", i-1), fmt.Sprintf(" out/s%d", i-1)
		}
		fmt.Fprintf(&src, "stage \"s%d\" {\n  uses = \"build.command\"\n%s  with {\n    command = [\"cp\", \"in/s%d\", \"out/s%d\"]\n"+
			"    inputs  = [\"in/s%d\"]\n    outputs = [\"out/s%d\"]\n  }\n}\n", i, before, i, i, i, i)
		fmt.Fprintf(&rules, "out/s%d: in/s%d%s\n\tcp in/s%d out/s%d\n", i, i, prerequisite, i, i)
		content := strings.Repeat(fmt.Sprintf("%08d", i), 8<<10)
		problems = errors.Join(problems, write(filepath.Join(dir, "in"), fmt.Sprintf("s%d", i), content))
	}
	return dir, errors.Join(problems, os.MkdirAll(filepath.Join(dir, "out"), 0o700),
		write(dir, "pipeline.hcl", src.String()), write(dir, "Makefile", rules.String()))
}
