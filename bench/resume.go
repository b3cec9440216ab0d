package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// Sizes of the run that is gone on with.
const (
	resumedStages = 1000
	resumedDone   = 500
)

// resume measures how long it takes to go on with a run of 1,000 stages in
// series of which 500 are done: until the next stage has had its turn, and to
// its end, beside a whole run.
func (b *bench) resume() error {
	dir, err := b.resumedPipeline()
	if err != nil {
		return err
	}
	ready := filepath.Join(dir, "ready")
	set := func(there bool) error {
		if there {
			return write(dir, "ready", "")
		}
		if err := os.Remove(ready); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	// ends runs a command that fails at the stage in the middle unless it is set.
	ends := func(there bool, args ...string) (sample, error) {
		if err := set(there); err != nil {
			return sample{}, err
		}
		if there {
			return b.timed(dir, b.runner, args...)
		}
		script := "\"$0\" \"$@\"; test $? -eq 3"
		return b.timed(dir, "sh", append([]string{"-c", script, b.runner}, args...)...)
	}
	run, resume := []string{"run", "--format", "plain", "."}, []string{"resume", "--format", "plain", "latest"}
	after := func(there bool) func() (sample, error) {
		return func() (sample, error) {
			if _, err := ends(false, run...); err != nil {
				return sample{}, err
			}
			return ends(there, resume...)
		}
	}
	got, err := b.interleave([]contender{
		{"whole", func() (sample, error) { return ends(true, run...) }},
		{"next", after(false)},
		{"rest", after(true)},
	})
	if err != nil {
		return err
	}
	fmt.Printf("\n%d stages in series, %d of them done: resumed and stopped at the next stage %s (%s per stage that is taken over), resumed to the end %s, a whole run %s\n",
		resumedStages, resumedDone, milliseconds(got["next"].wall), milliseconds(got["next"].wall/resumedDone),
		milliseconds(got["rest"].wall), milliseconds(got["whole"].wall))
	return nil
}

// resumedPipeline writes stages that run /bin/true, but for the one in the
// middle.
func (b *bench) resumedPipeline() (string, error) {
	dir := filepath.Join(b.work, "resumed")
	var src strings.Builder
	src.WriteString("pipeline \"resumed\" {}\n")
	for i := range resumedStages {
		fmt.Fprintf(&src, "stage \"s%d\" {\n  uses = \"build.command\"\n", i)
		if i > 0 {
			fmt.Fprintf(&src, "  needs = [stage.s%d]\n", i-1)
		}
		command := `"/bin/true"`
		if i == resumedDone {
			command = `"/usr/bin/test", "-e", "ready"`
		}
		fmt.Fprintf(&src, "  with { command = [%s] }\n}\n", command)
	}
	return dir, write(dir, "pipeline.hcl", src.String())
}
