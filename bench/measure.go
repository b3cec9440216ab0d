package main

import (
	"fmt"
	"os"
	"text/tabwriter"
	"time"
)

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d.Microseconds())/1000)
}

// series measures count trivial stages, each after the other.
func (b *bench) series() error {
	fmt.Println("Stages that run /bin/true, in series: journal durable, plugin out of process")
	t := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "stages\tfork/exec\tmake -j1\trunner\trunner per stage\tto fork/exec\tto make\trunner memory\t")
	first := time.Duration(0)
	for _, count := range []int{1, 10, 100, 1000} {
		got, err := b.sideBySide(count, true, "-j1")
		if err != nil {
			return err
		}
		if count == 1 {
			first = got["runner"].wall
		}
		perStage, ratio := "", ""
		if count > 1 {
			each := (got["runner"].wall - first) / time.Duration(count-1)
			perStage = milliseconds(each)
			ratio = fmt.Sprintf("%.2f", float64(each)/(float64(got["fork/exec"].wall)/float64(count)))
		}
		fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%s\t%s\t%.2f\t%.0f MB\t\n", count,
			milliseconds(got["fork/exec"].wall), milliseconds(got["make"].wall), milliseconds(got["runner"].wall),
			perStage, ratio, float64(got["runner"].wall)/float64(got["make"].wall), float64(got["runner"].rss)/1e6)
	}
	return t.Flush()
}

// parallel measures 100 independent stages.
func (b *bench) parallel() error {
	got, err := b.sideBySide(100, false, "-j100")
	if err != nil {
		return err
	}
	fmt.Printf("\n100 independent stages: make -j100 %s, runner --parallelism 100 %s, ratio %.2f, memory %.0f MB\n",
		milliseconds(got["make"].wall), milliseconds(got["runner"].wall),
		float64(got["runner"].wall)/float64(got["make"].wall), float64(got["runner"].rss)/1e6)
	return nil
}

func (b *bench) sideBySide(count int, series bool, jobs string) (map[string]sample, error) {
	pipeline, err := b.pipeline(count, series)
	if err != nil {
		return nil, err
	}
	makefile, err := b.makefile(count, series)
	if err != nil {
		return nil, err
	}
	return b.interleave([]contender{
		{"fork/exec", func() (sample, error) { return forkExec(count) }},
		{"make", func() (sample, error) { return b.timed(makefile, "make", "--silent", jobs) }},
		{"runner", func() (sample, error) {
			return b.timed(pipeline, b.runner, "run", "--parallelism", "100", "--format", "plain", ".")
		}},
	})
}

// start measures how long it takes until the first stage's command runs: it
// writes the time itself.
func (b *bench) start() error {
	dir, err := b.startPipeline()
	if err != nil {
		return err
	}
	var walls []time.Duration
	for range b.rounds {
		began := time.Now()
		if _, err := b.timed(dir, b.runner, "run", "--format", "plain", "."); err != nil {
			return err
		}
		at, err := os.Stat(dir + "/started")
		if err != nil {
			return err
		}
		walls = append(walls, at.ModTime().Sub(began))
	}
	fmt.Printf("\nstart to first stage: %s (median of %d; the first command makes a file, whose time counts)\n",
		milliseconds(median(walls)), b.rounds)
	return nil
}

func (b *bench) startPipeline() (string, error) {
	dir := b.work + "/start"
	return dir, write(dir, "pipeline.hcl",
		"pipeline \"start\" {}\nstage \"first\" {\n  uses = \"build.command\"\n  with { command = [\"/usr/bin/touch\", \"started\"] }\n}\n")
}
