package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

func (a *app) logsCommand() *cobra.Command {
	var attempt int
	cmd := &cobra.Command{
		Use:   "logs RUN [STAGE]",
		Short: "Print the output of a run's stages",
		Long: "Print what the stages of a run have written, byte for byte (on a terminal without control\n" +
			"characters); of one stage, or of all, each under a heading. RUN is an id, the beginning of one, or latest.",
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			stage := ""
			if len(args) == 2 {
				stage = pipeline.StageName(args[1])
			}
			return a.logs(cmd.Context(), args[0], stage, attempt)
		},
	}
	cmd.Flags().IntVar(&attempt, "attempt", 0, "which attempt; 0 means the last")
	return cmd
}

func (a *app) logs(ctx context.Context, argument, stage string, attempt int) error {
	run, err := a.kept(ctx, argument)
	if err != nil {
		return err
	}
	id, state := run.state.ID, run.state
	if stage != "" {
		one := state.Stage(stage)
		if one == nil {
			return errors.Join(usage(fmt.Errorf("run %s has no stage %q; it has %s", id, stage, stageNames(state))), run.untrusted())
		}
		return errors.Join(a.copyLog(ctx, run.store, id, one, attempt), run.untrusted())
	}
	for _, one := range state.Stages {
		if len(one.Attempts) == 0 {
			continue
		}
		fmt.Fprintf(a.Stdout, "==> %s <==\n", one.Name)
		if err := a.copyLog(ctx, run.store, id, one, attempt); err != nil {
			return err
		}
	}
	return run.untrusted()
}

func stageNames(s *runstate.RunState) string {
	var names []string
	for _, stage := range s.Stages {
		names = append(names, stage.Name)
	}
	return strings.Join(names, ", ")
}

// copyLog prints one attempt's output. An attempt that wrote nothing has no log.
func (a *app) copyLog(ctx context.Context, store *runstate.FileStore, id string, stage *runstate.StageState, attempt int) error {
	if attempt == 0 {
		if len(stage.Attempts) == 0 {
			if f := stage.Finish; f != nil && f.Cached != nil {
				fmt.Fprintf(a.Stderr, "note: stage %s was taken from run %s, which has its log\n", view.Printable(stage.Name), f.Cached.Run)
			}
			return nil
		}
		attempt = stage.Attempts[len(stage.Attempts)-1].Number
	}
	log, err := store.Log(ctx, id, stage.Name, attempt)
	if errors.Is(err, runstate.ErrNotFound) {
		if attempt > len(stage.Attempts) {
			return usage(fmt.Errorf("stage %s has had %d attempts", stage.Name, len(stage.Attempts)))
		}
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // read only: nothing can be lost
	if _, is := terminal(a.Stdout); is {
		err = copyPrintable(a.Stdout, log)
	} else {
		_, err = io.Copy(a.Stdout, log)
	}
	if err != nil {
		return fmt.Errorf("print log: %w", err)
	}
	return nil
}
