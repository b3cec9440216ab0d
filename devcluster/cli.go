package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/devcluster/internal/cluster"
	"github.com/stagegate/stagegate/devcluster/internal/state"
)

const (
	exitDone        = 0
	exitInternal    = 1 // also: the cluster is degraded
	exitUsage       = 2
	exitStopped     = 3 // status: the cluster is not running
	exitInterrupted = 130
)

// exitCodeError ends the program with a code and nothing more to say.
type exitCodeError int

func (e exitCodeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// usageError is a mistake on the command line.
type usageError struct{ error }

// options are the flags that every command has.
type options struct {
	dir    string
	format string
}

func execute(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts := &options{}
	root := &cobra.Command{
		Use:           "devcluster",
		Short:         "A Kubernetes control plane with simulated GPU and CPU nodes and a registry, on this machine",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs, // so that RunE sees a misspelt command
		RunE:          showHelp,
	}
	root.SuggestionsMinimumDistance = 2
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	flags := root.PersistentFlags()
	flags.StringVar(&opts.dir, "dir", "", "directory of the cluster (default: $DEVCLUSTER_DIR, else in the XDG state folder)")
	flags.StringVar(&opts.format, "format", "text", "output format: text or json")
	root.AddCommand(newUpCommand(opts), newStatusCommand(opts), newDownCommand(opts))
	return exitCode(ctx, root.ExecuteContext(ctx), stderr)
}

func showHelp(root *cobra.Command, args []string) error {
	if len(args) == 0 {
		return root.Help()
	}
	err := fmt.Errorf("unknown command %q", args[0])
	if nearest := root.SuggestionsFor(args[0]); len(nearest) > 0 {
		err = fmt.Errorf("%w, did you mean %q?", err, nearest[0])
	}
	return usageError{err}
}

func exitCode(ctx context.Context, err error, stderr io.Writer) int {
	var code exitCodeError
	var usage usageError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &code):
		return int(code)
	case ctx.Err() != nil:
		fmt.Fprintln(stderr, "devcluster: interrupted; what this command had started is stopped again")
		return exitInterrupted
	}
	fmt.Fprintf(stderr, "devcluster: %v\n", err)
	var component *cluster.ComponentError
	if errors.As(err, &component) {
		printLog(stderr, component.Log)
	}
	if errors.As(err, &usage) {
		return exitUsage
	}
	return exitInternal
}

// open checks the common flags and returns the cluster that they name.
func (o *options) open(stderr io.Writer) (*cluster.Cluster, error) {
	if o.format != "text" && o.format != "json" {
		return nil, usageError{fmt.Errorf("unknown format %q: text or json", o.format)}
	}
	layout, err := state.NewLayout(o.dir, os.Getenv)
	if err != nil {
		return nil, usageError{err}
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find own executable: %w", err)
	}
	return &cluster.Cluster{
		Layout:     layout,
		Executable: executable,
		Progress: func(part, event string, elapsed time.Duration) {
			fmt.Fprintf(stderr, "%-24s %-8s %6.1fs\n", part, event, elapsed.Seconds())
		},
	}, nil
}
