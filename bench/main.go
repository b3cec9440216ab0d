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
	rounds := flag.Int("rounds", 5, "how often each case is measured; the median counts")
	flag.Parse()
	if err := run(*rounds); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(rounds int) error {
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
	b := &bench{runner: filepath.Join(bin, "runner"), work: work, rounds: rounds}
	fmt.Printf("%s/%s, %d processors, %s; medians of %d rounds, cases interleaved\n\n",
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), rounds)
	if err := b.series(); err != nil {
		return err
	}
	if err := b.parallel(); err != nil {
		return err
	}
	return b.start()
}
