package main

import (
	"fmt"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/devcluster/internal/cluster"
)

func newDownCommand(opts *options) *cobra.Command {
	var purge bool
	command := &cobra.Command{
		Use:   "down",
		Short: "End every process of the cluster",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			target, err := opts.open(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			stopped, err := target.Down(cmd.Context(), purge)
			if err != nil {
				return err
			}
			if opts.format == "json" {
				return opts.print(cmd.OutOrStdout(), cluster.Report{State: cluster.Stopped, Dir: target.Layout.Dir})
			}
			message := "not running"
			if stopped {
				message = "stopped"
			}
			fmt.Fprintln(cmd.OutOrStdout(), message)
			return nil
		},
	}
	command.Flags().BoolVar(&purge, "purge", false, "also delete the cluster's data, certificates and logs")
	return command
}
