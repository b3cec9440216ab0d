package main

import (
	"context"
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/devcluster/internal/cluster"
	"github.com/stagegate/stagegate/devcluster/internal/node"
)

const (
	defaultUpTimeout = 2 * time.Minute
	maxGPUsPerNode   = 16
)

func newUpCommand(opts *options) *cobra.Command {
	var nodes, gpus int
	var timeout time.Duration
	command := &cobra.Command{
		Use:   "up",
		Short: "Start the cluster, or repair it; does nothing to a healthy one",
		Args:  noArguments,
	}
	flags := command.Flags()
	flags.IntVar(&nodes, "nodes", cluster.DefaultNodes, "number of simulated nodes")
	flags.IntVar(&gpus, "gpus-per-node", cluster.DefaultGPUsPerNode, "GPUs of each node")
	flags.DurationVar(&timeout, "timeout", defaultUpTimeout, "time for everything to become ready")
	command.RunE = func(cmd *cobra.Command, _ []string) error {
		want := cluster.Shape{}
		if flags.Changed("nodes") {
			want.Nodes = &nodes
		}
		if flags.Changed("gpus-per-node") {
			want.GPUsPerNode = &gpus
		}
		if nodes < 1 || nodes > node.MaxNodes {
			return usageError{fmt.Errorf("--nodes must be from 1 to %d", node.MaxNodes)}
		}
		if gpus < 0 || gpus > maxGPUsPerNode {
			return usageError{fmt.Errorf("--gpus-per-node must be from 0 to %d", maxGPUsPerNode)}
		}
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
