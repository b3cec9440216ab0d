package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func (a *app) policyInputCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "input RUN [STAGE]",
		Short: "Print the document that a decision was made about",
		Long: "Print the document that policies judged, to the byte: the last one about the deployer stage, or at the\n" +
			"policy stage, that is named. RUN is an id, the beginning of one, or latest.",
		Example: "  runner policy input latest serve > input.json\n  runner policy eval --input input.json",
		Args:    cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.policyInput(cmd.Context(), args[0], second(args))
		},
	}
}

func (a *app) policyInput(ctx context.Context, argument, stage string) error {
	run, err := a.kept(ctx, argument)
	if err != nil {
		return err
	}
	d, err := run.decision(stage)
	if err != nil {
		return errors.Join(err, run.untrusted())
	}
	data, err := run.judged(d)
	if err == nil && data == nil {
		err = run.notKept(d)
	}
	if err != nil {
		return errors.Join(err, run.untrusted())
	}
	_, err = a.Stdout.Write(data)
	return errors.Join(err, run.untrusted())
}

// second is the second argument, or empty.
func second(args []string) string {
	if len(args) < 2 {
		return ""
	}
	return args[1]
}
