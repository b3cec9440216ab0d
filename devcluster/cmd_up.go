package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"github.com/stagegate/stagegate/devcluster/internal/cluster"
	"github.com/stagegate/stagegate/devcluster/internal/node"
)

const (
	defaultUpTimeout = 2 * time.Minute
	maxGPUsPerNode   = 16
)

// count is a flag with a number between bounds.
type count struct {
	flag, usage string
	value       int
	from, to    int
}

func (c *count) check() error {
	if c.value < c.from || c.value > c.to {
		return usageError{fmt.Errorf("--%s must be from %d to %d", c.flag, c.from, c.to)}
	}
	return nil
}

// chosen returns nil when nobody has given the flag.
func (c *count) chosen(flags *pflag.FlagSet) *int {
	if !flags.Changed(c.flag) {
		return nil
	}
	return &c.value
}

func newUpCommand(opts *options) *cobra.Command {
	gpuNodes := &count{flag: "nodes", usage: "number of simulated nodes with GPUs", value: cluster.DefaultNodes, from: 1, to: node.MaxNodes}
	gpus := &count{flag: "gpus-per-node", usage: "GPUs of each of them", value: cluster.DefaultGPUsPerNode, to: maxGPUsPerNode}
	cpuNodes := &count{flag: "cpu-nodes", usage: "number of simulated nodes without GPUs", value: cluster.DefaultCPUNodes, to: node.MaxNodes}
	counts := []*count{gpuNodes, gpus, cpuNodes}
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, or repair it; does nothing to a healthy one",
		Args:  noArguments,
	}
	flags := command.Flags()
	for _, c := range counts {
		flags.IntVar(&c.value, c.flag, c.value, c.usage)
	}
	flags.DurationVar(&timeout, "timeout", defaultUpTimeout, "time for everything to become ready")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		for _, c := range counts {
			if err := c.check(); err != nil {
				return err
			}
		}
		want := cluster.Shape{Nodes: gpuNodes.chosen(flags), GPUsPerNode: gpus.chosen(flags), CPUNodes: cpuNodes.chosen(flags)}
		return runUp(cmd, opts, want, timeout)
	}
	return command
}

func runUp(cmd *cobra.Command, opts *options, want cluster.Shape, timeout time.Duration) error {
	target, err := opts.open(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(cmd.Context(), timeout, cluster.ErrTimeout)
	defer cancel()
	report, err := target.Up(ctx, want)
	if err != nil {
		return err
	}
	return opts.print(cmd.OutOrStdout(), report)
}

func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q", args[0])}
	}
	return nil
}
