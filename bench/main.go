// Command bench measures the runner beside a bare fork/exec loop and make, in
// one run on one machine, and prints the ratios. Absolute numbers drift with
// the machine; the ratios are what counts.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

func main() {
	only := flag.String("only", "", "measure this `case` alone: series, parallel, load, cached, resume, start, pack, capacity")
	rounds := flag.Int("rounds", 5, "how often each case is measured; the median counts")
	parse := flag.String("bare", "", "parse and decode the files in a `folder` and end: what the runner is measured against")
	size := flag.Int64("pack-size", 5e9, "how many `bytes` of weights the case pack has")
	file := flag.String("digest", "", "read a `file` and digest it: what packing is measured against")
	to := flag.String("to", "", "with -digest: write it to this `file` too")
	flag.Parse()
	if *file != "" {
		if err := digestFile(*file, *to); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	if *parse != "" {
		if err := bare(*parse); err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(1)
		}
		return
	}
	if err := run(*rounds, *only, *size); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(rounds int, only string, packSize int64) error {
	bin := os.Getenv("STAGEGATE_BIN")
	if bin == "" {
		bin = "bin"
	}
	bin, err := filepath.Abs(bin)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "stagegate-bench-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	b := &bench{runner: filepath.Join(bin, "runner"), work: work, rounds: rounds, packSize: packSize}
	fmt.Printf("%s/%s, %d processors, %s; medians of %d rounds, cases interleaved\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), rounds)
	for _, c := range []struct {
		name    string
		measure func() error
	}{
		{"series", b.series}, {"parallel", b.parallel}, {"load", b.load}, {"cached", b.cached}, {"resume", b.resume}, {"start", b.start}, {"pack", b.pack},
		{"capacity", b.capacity},
	} {
		if only != "" && only != c.name {
			continue
		}
		if err := c.measure(); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}
