package app

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/trigger"
)

func (a *app) hookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Start runs from git pushes",
		Args:  knownCommand,
		RunE:  showHelp,
	}
	cmd.AddCommand(a.hookInstallCommand(), a.hookRunCommand(), a.hookWorkCommand())
	return cmd
}

func (a *app) hookInstallCommand() *cobra.Command {
	var kind, pipeline string
	cmd := &cobra.Command{
		Use:   "install [REPOSITORY]",
		Short: "Put a hook into a git repository",
		Long: "Put a hook into a git repository.\n\n" +
			"post-receive, for a bare repository: a push starts the pipeline of the pushed commit in a checkout\n" +
			"of its own, and the pusher's terminal shows the run's id.\n" +
			"pre-push, for a clone: the pipeline of what is pushed is checked, and mistakes stop the push.",
		Example: "  runner hook install /srv/git/models.git\n  runner hook install --hook pre-push .",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path, err := trigger.Install(cmd.Context(), trigger.Installation{
				Hook: trigger.Hook(kind), Repository: pathArgument(args), Runner: a.Executable, Pipeline: pipeline,
			})
			if err != nil {
				return usage(err)
			}
			fmt.Fprintf(a.Stdout, "Installed %s\n", path)
			return nil
		},
	}
	cmd.Flags().StringVar(&kind, "hook", string(trigger.PostReceive), "post-receive or pre-push")
	cmd.Flags().StringVar(&pipeline, "pipeline", ".", "the pipeline's `path` within the repository")
	return cmd
}

// hookRunCommand is what an installed hook calls.
func (a *app) hookRunCommand() *cobra.Command {
	var pipeline string
	cmd := &cobra.Command{
		Use:    "run HOOK",
		Short:  "Called by git",
		Hidden: true,
		Args:   cobra.MinimumNArgs(1), // git adds the remote's name and address to pre-push
		RunE: func(cmd *cobra.Command, args []string) error {
			repository, err := os.Getwd()
			if err != nil {
				return fmt.Errorf("find the repository: %w", err)
			}
			switch trigger.Hook(args[0]) {
			case trigger.PostReceive:
				return a.postReceive(cmd.Context(), repository, pipeline)
			case trigger.PrePush:
				return a.prePush(cmd.Context(), repository, pipeline)
			default:
				return usage(fmt.Errorf("unknown hook %q", args[0]))
			}
		},
	}
	cmd.Flags().StringVar(&pipeline, "pipeline", ".", "")
	return cmd
}
