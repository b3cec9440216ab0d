package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/trigger"
)

// pushed is a commit that was pushed, and the run for it.
type pushed struct {
	id, repository, commit, ref, pipeline string
}

// arguments are those of the process that does the run.
func (p pushed) arguments() []string {
	return []string{
		"hook", "work", "--run=" + p.id, "--repository=" + p.repository, "--commit=" + p.commit,
		"--ref=" + p.ref, "--pipeline=" + p.pipeline, "--ready=3", // the first of exec.Cmd's ExtraFiles
	}
}

// hookLog is what the process of a push says.
func (s *session) hookLog(id string) string { return s.path("hooks", id+".log") }

// hookWorkCommand is the process of one pushed commit.
func (a *app) hookWorkCommand() *cobra.Command {
	var p pushed
	var ready int
	cmd := &cobra.Command{
		Use:    "work",
		Short:  "Run the pipeline of a pushed commit",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := trigger.CheckRef(p.ref); err != nil {
				return usage(err)
			}
			return a.work(cmd.Context(), p, ready)
		},
	}
	cmd.Flags().StringVar(&p.id, "run", "", "")
	cmd.Flags().StringVar(&p.repository, "repository", "", "")
	cmd.Flags().StringVar(&p.commit, "commit", "", "")
	cmd.Flags().StringVar(&p.ref, "ref", "", "")
	cmd.Flags().StringVar(&p.pipeline, "pipeline", ".", "")
	cmd.Flags().IntVar(&ready, "ready", 0, "")
	return cmd
}

// work makes the run, tells so, and does it in a checkout of its own. Whatever
// goes wrong from then on is the end of the run.
func (a *app) work(ctx context.Context, p pushed, ready int) (err error) {
	s, err := a.session()
	if err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	defer func() { a.closing(&err, store.Close()) }()
	run, err := store.Create(ctx, p.id)
	if err != nil {
		return usage(err)
	}
	defer func() { a.closing(&err, run.Close()) }()
	told := a.post(ctx, s, store)
	defer told.finish(ctx)
	told.expect(ctx, p.id, p.started(), nil)
	if ready > 0 {
		if err := sayReady(ready); err != nil {
			return fmt.Errorf("tell that the run is made: %w", err)
		}
	}
	err = a.runPushed(ctx, s, store, run, told, p)
	if err != nil {
		a.closing(&err, a.conclude(ctx, s, store, run, p, err))
	}
	return err
}

func sayReady(descriptor int) error {
	f := os.NewFile(uintptr(descriptor), "ready")
	if f == nil {
		return os.ErrInvalid
	}
	_, err := f.WriteString(readyWord)
	return errors.Join(err, f.Close())
}

func (a *app) runPushed(ctx context.Context, s *session, store *runstate.FileStore, run runstate.Run, told *post, p pushed) (err error) {
	tree := s.path("checkouts", p.id)
	if err := trigger.Checkout(ctx, p.repository, p.commit, tree); err != nil {
		return err
	}
	defer func() { a.closing(&err, os.RemoveAll(tree)) }()
	return a.runIn(ctx, s, store, job{
		path: filepath.Join(tree, p.pipeline), flags: runFlags{format: "plain"},
		id: p.id, ref: p.ref, trigger: "push", journal: run, tree: tree, source: p.repository, post: told,
	})
}

// started is what is known of the run before its pipeline is read.
func (p pushed) started() event.Run {
	return event.Run{Commit: p.commit, Ref: p.ref, Clean: true, Runner: Version, Trigger: "push", PushedTo: p.repository}
}

// conclude records why a run could not begin. One that has begun has recorded
// its own end.
func (a *app) conclude(ctx context.Context, s *session, store *runstate.FileStore, run runstate.Run, p pushed, why error) error {
	ctx = context.WithoutCancel(ctx)
	history, err := store.Read(ctx, p.id)
	if err != nil {
		return fmt.Errorf("read run %s: %w", p.id, err)
	}
	if len(history.Events) > 0 {
		return nil
	}
	end := event.Finish{Status: event.Errored, ExitCode: exitInternal, Failure: &event.Failure{
		Summary: why.Error(), Detail: "The whole output is in " + s.hookLog(p.id) + ".",
	}}
	if exit, ok := errors.AsType[*exitError](why); ok {
		end.ExitCode = exit.code
		if exit.err == nil {
			end.Failure.Summary = fmt.Sprintf("the pipeline of %.12s is not valid", p.commit)
		}
	}
	if errors.Is(why, errInterrupted) {
		end.Status, end.ExitCode = event.Cancelled, exitInterrupted
	}
	at, begun := now().UTC(), p.started()
	return run.Append(ctx,
		event.Event{Type: event.RunStarted, Time: at, RunID: p.id, Run: &begun},
		event.Event{Type: event.RunFinished, Time: at, RunID: p.id, Finish: &end},
	)
}
