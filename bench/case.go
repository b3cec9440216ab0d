package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// bench is one session of measuring.
type bench struct {
	runner string
	work   string
	rounds int

	packSize   int64
	packNumber int // of the next repository
}

// sample is one measured execution.
type sample struct {
	wall time.Duration
	rss  int64 // peak resident memory of the process itself, bytes
}

// contender is one of the programs side by side.
type contender struct {
	name string
	run  func() (sample, error)
}

// interleave measures all contenders in turn, so that a slow moment of the
// machine hits all of them, and returns the median of each.
func (b *bench) interleave(all []contender) (map[string]sample, error) {
	samples := make(map[string][]sample)
	for range b.rounds {
		for _, c := range all {
			s, err := c.run()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			samples[c.name] = append(samples[c.name], s)
		}
	}
	out := make(map[string]sample)
	for name, list := range samples {
		slices.SortFunc(list, func(x, y sample) int { return int(x.wall - y.wall) })
		median := list[len(list)/2]
		for _, s := range list {
			median.rss = max(median.rss, s.rss)
		}
		out[name] = median
	}
	return out, nil
}

// timed runs a program to its end.
func (b *bench) timed(dir string, name string, args ...string) (sample, error) {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "RUNNER_HOME="+filepath.Join(b.work, "home"))
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	began := time.Now()
	err := cmd.Run()
	s := sample{wall: time.Since(began)}
	if err != nil {
		tail := output.String()
		return s, fmt.Errorf("%w: %s", err, tail[max(0, len(tail)-2000):])
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		s.rss = usage.Maxrss * 1024
	}
	return s, nil
}

// pipeline writes count stages that each run /bin/true; in series each needs
// the one before.
func (b *bench) pipeline(count int, series bool) (string, error) {
	dir := filepath.Join(b.work, fmt.Sprintf("pipeline-%d-%t", count, series))
	var src strings.Builder
	src.WriteString("pipeline \"bench\" {}\n")
	for i := range count {
		fmt.Fprintf(&src, "stage \"s%d\" {\n  uses = \"build.command\"\n", i)
		if series && i > 0 {
			fmt.Fprintf(&src, "  needs = [stage.s%d]\n", i-1)
		}
		src.WriteString("  with { command = [\"/bin/true\"] }\n}\n")
	}
	return dir, write(dir, "pipeline.hcl", src.String())
}

// makefile writes the same for make.
func (b *bench) makefile(count int, series bool) (string, error) {
	dir := filepath.Join(b.work, fmt.Sprintf("make-%d-%t", count, series))
	var src strings.Builder
	src.WriteString("all:")
	for i := range count {
		fmt.Fprintf(&src, " s%d", i)
	}
	src.WriteString("\n")
	for i := range count {
		before := ""
		if series && i > 0 {
			before = " s" + strconv.Itoa(i-1)
		}
		fmt.Fprintf(&src, ".PHONY: s%d\ns%d:%s\n\t@/bin/true\n", i, i, before)
	}
	return dir, write(dir, "Makefile", src.String())
}

func write(dir, name, content string) error {
	return errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
}

// forkExec is the floor: start /bin/true and wait, count times.
func forkExec(count int) (sample, error) {
	began := time.Now()
	for range count {
		if err := exec.Command("/bin/true").Run(); err != nil {
			return sample{}, err
		}
	}
	return sample{wall: time.Since(began)}, nil
}

func median(list []time.Duration) time.Duration {
	slices.Sort(list)
	return list[len(list)/2]
}
