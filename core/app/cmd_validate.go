package app

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/redact"
)

func (a *app) validateCommand() *cobra.Command {
	var flags pipelineFlags
	var format string
	cmd := &cobra.Command{
		Use:   "validate [PATH]",
		Short: "Check a pipeline without running anything",
		Long: "Check a pipeline: its syntax, references, types and schemas, and what its plugins say about it.\n" +
			"Nothing is run and nothing is changed. All problems are shown at once.",
		Example: "  runner validate\n  runner validate examples/pipelines/digits --var environment=production",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.validate(cmd.Context(), request{path: pathArgument(args), flags: flags}, format)
		},
	}
	flags.register(cmd)
	formatFlag(cmd, &format)
	return cmd
}

// pathArgument is the pipeline's path: by default the working folder.
func pathArgument(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

func (a *app) validate(ctx context.Context, req request, format string) (err error) {
	if err := checkFormat(format); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	masks := redact.New()
	defer hide(masks, &err)
	host, err := a.pluginHost(ctx, s, nil, masks)
	if err != nil {
		return err
	}
	defer a.closeHost(ctx, host, &err)
	req.masks = masks
	l, err := a.load(ctx, s, host, req)
	if err != nil {
		return err
	}
	if err := l.validate(ctx, host); err != nil {
		return err
	}
	valid := !l.diags.HasErrors()
	err = a.print(format, diag.NewDocument(l.diags), func() error {
		a.show(l.diags, l.source.Contents())
		if !valid {
			return nil
		}
		_, err := fmt.Fprintf(a.Stdout, "%s is valid: %s.\n", l.source.Name, stageCount(len(l.Pipeline.Stages)))
		return err
	})
	if err == nil && !valid {
		return errShown(exitUsage)
	}
	return err
}

func stageCount(n int) string {
	if n == 1 {
		return "1 stage"
	}
	return fmt.Sprintf("%d stages", n)
}
