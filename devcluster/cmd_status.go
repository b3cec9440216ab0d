package main

import (
	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/devcluster/internal/cluster"
)

func newStatusCommand(opts *options) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show the cluster; exit code 0 running, 1 degraded, 3 not running",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := opts.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			report, err := target.Status(cmd.Context())
			if err != nil {
				return err
			}
			if err := opts.print(cmd.OutOrStdout(), report); err != nil {
				return err
			}
			switch report.State {
			case cluster.Running:
				return nil
			case cluster.Stopped:
				return exitCodeError(exitStopped)
			default:
				return exitCodeError(exitInternal)
			}
		},
	}
}
