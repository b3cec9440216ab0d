package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

func (a *app) resumeCommand() *cobra.Command {
	var flags runFlags
	var accept accepted
	cmd := &cobra.Command{
		Use:   "resume RUN",
		Short: "Go on with a run that was interrupted, failed or cancelled",
		Long: "Go on with a run at the first stage that has not succeeded, with the same inputs: the pipeline as\n" +
			"it was, the same variables, commit and plugins. RUN is an id, the beginning of one, or latest.\n" +
			"Stages that have succeeded are not run again. A deployment that was on its way is looked for before\n" +
			"anything is started. The values of sensitive variables are not kept: give them again.\n\n" +
			"A run that has succeeded is left as it is, with exit code 0. Exit codes otherwise are those of run.",
		Example: "  runner resume latest\n  runner resume 20261123-154210-k3x9 --var token=…",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.resume(cmd.Context(), args[0], flags, accept)
		},
	}
	flags.register(cmd)
	flags.registerLimits(cmd)
	flags.registerRunning(cmd, "how many stages run at the same time (default: as many as before)")
	accept.register(cmd)
	return cmd
}

// register adds the flags that accept changes.
func (f *accepted) register(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.plugins, "allow-changed-plugins", false, "go on although a plugin is not the one that the run was started with")
	cmd.Flags().BoolVar(&f.tree, "allow-changed-tree", false, "go on although the tree is not as it was; the run then counts as one of a tree with changes")
}

// resume goes on with a run in its own journal.
func (a *app) resume(ctx context.Context, argument string, flags runFlags, accept accepted) (err error) {
	if err := flags.check(); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	defer func() { a.closing(&err, store.Close()) }()
	id, err := find(ctx, store, argument)
	if err != nil {
		return err
	}
	// The run is this process's own before it is read: nobody writes it meanwhile.
	run, err := store.Open(ctx, id)
	if err != nil {
		return cannotResume(id, err)
	}
	defer func() { a.closing(&err, run.Close()) }()
	history, err := store.Read(ctx, id)
	if err != nil {
		return cannotResume(id, err)
	}
	if runstate.Replay(history).Status == event.Succeeded {
		return a.nothingToDo(id, flags.format)
	}
	on, err := a.goOn(s, store, id, history, nil, accept)
	if err != nil {
		return err
	}
	return a.runOn(ctx, s, store, on, job{flags: flags, id: id, journal: run})
}

// cannotResume says what keeps a run from being opened.
func cannotResume(id string, err error) error {
	if errors.Is(err, runstate.ErrRunning) {
		return usage(fmt.Errorf("run %s is still on its way: another runner writes it; wait for its end, or stop that runner", id))
	}
	if _, damaged := errors.AsType[*runstate.CorruptError](err); damaged {
		return fmt.Errorf("the journal of run %s cannot be trusted, so it cannot be gone on with: %w; start a new run", id, err)
	}
	if _, home := errors.AsType[*runstate.HomeError](err); home {
		return usage(err)
	}
	return err
}

// nothingLeft is the JSON form of that there is nothing to do.
type nothingLeft struct {
	Schema int          `json:"schema"`
	Run    string       `json:"run"`
	Status event.Status `json:"status"`
}

// nothingToDo is the answer about a run that has succeeded.
func (a *app) nothingToDo(id, format string) error {
	if format == string(view.JSON) {
		return a.print("json", nothingLeft{view.SchemaVersion, id, event.Succeeded}, nil)
	}
	_, err := fmt.Fprintf(a.Stdout, "run %s has succeeded: there is nothing to do\n", id)
	return err
}

// runOn runs what is left, in the tree where the run was.
func (a *app) runOn(ctx context.Context, s *session, store *runstate.FileStore, on *goingOn, j job) (err error) {
	j.on, j.ref, j.trigger, j.source, j.path = on, on.run.Ref, on.run.Trigger, on.run.PushedTo, on.run.Root
	if len(j.flags.targets) == 0 {
		j.flags.targets = on.run.Targets
	}
	if j.source != "" {
		remove, err := a.checkoutAgain(ctx, s, &j)
		if err != nil {
			return err
		}
		defer func() { a.closing(&err, remove()) }()
	}
	if _, err := os.Stat(j.path); err != nil {
		return usage(fmt.Errorf("run %s was started in a folder that cannot be read any more: %w; put it back, or start a new run", on.id, err))
	}
	return a.runIn(ctx, s, store, j)
}
