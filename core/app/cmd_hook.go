package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/source"
	"github.com/stagegate/stagegate/core/trigger"
)

func (a *app) hookCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "hook",
		Short: "Start runs from git pushes",
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

// postReceive makes a run for each pushed branch and starts a process of its
// own for it: the push is over when the run is on disk, not when it is done.
func (a *app) postReceive(ctx context.Context, repository, pipeline string) error {
	updates, err := trigger.ReadPostReceive(a.Stdin)
	if err != nil {
		return usage(err)
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	for _, u := range updates {
		if u.Branch() == "" || u.Deleted() {
			continue
		}
		id, err := a.detach(ctx, s, store, repository, pipeline, u)
		if err != nil {
			return fmt.Errorf("start a run for %s: %w", u.Ref, err)
		}
		fmt.Fprintf(a.Stdout, "stagegate: run %s for %s at %.12s\n", id, u.Ref, u.New)
		fmt.Fprintf(a.Stdout, "stagegate: follow it with: runner show %s\n", id)
	}
	return nil
}

// detach starts the process that does the run. It leads a session of its own,
// so that nothing that happens to the push reaches it.
func (a *app) detach(ctx context.Context, s *session, store *runstate.FileStore, repository, pipeline string, u trigger.Update) (string, error) {
	id := runstate.NewID(now())
	run, err := store.Create(ctx, id)
	if err != nil {
		return "", err
	}
	if err := run.Close(); err != nil {
		return "", err
	}
	if err := os.MkdirAll(s.path("hooks"), 0o700); err != nil {
		return "", err
	}
	output, err := os.OpenFile(s.path("hooks", id+".log"), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return "", err
	}
	defer func() { _ = output.Close() }()             // the child has its own handle
	cmd := exec.Command(a.Executable, "hook", "work", //nolint:noctx // it outlives this process on purpose
		"--run", id, "--repository", repository, "--commit", u.New, "--ref="+u.Ref, "--pipeline="+pipeline)
	cmd.Dir = s.home
	cmd.Env = source.Environment(a.Environ)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return "", err
	}
	return id, cmd.Process.Release()
}

// hookWorkCommand is the process of one pushed commit.
func (a *app) hookWorkCommand() *cobra.Command {
	var id, repository, commit, ref, pipeline string
	cmd := &cobra.Command{
		Use:    "work",
		Short:  "Run the pipeline of a pushed commit",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := trigger.CheckRef(ref); err != nil {
				return usage(err)
			}
			s, err := a.session()
			if err != nil {
				return err
			}
			tree := s.path("checkouts", id)
			if err := trigger.Checkout(cmd.Context(), repository, commit, tree); err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(tree)) }()
			return a.run(cmd.Context(), job{
				path: filepath.Join(tree, pipeline), flags: runFlags{format: "plain"},
				id: id, ref: ref, trigger: "push",
			})
		},
	}
	cmd.Flags().StringVar(&id, "run", "", "")
	cmd.Flags().StringVar(&repository, "repository", "", "")
	cmd.Flags().StringVar(&commit, "commit", "", "")
	cmd.Flags().StringVar(&ref, "ref", "", "")
	cmd.Flags().StringVar(&pipeline, "pipeline", ".", "")
	return cmd
}

// prePush checks the pipeline of every commit that is pushed, as it is in that
// commit: the work tree may be another.
func (a *app) prePush(ctx context.Context, repository, pipeline string) error {
	updates, err := trigger.ReadPrePush(a.Stdin)
	if err != nil {
		return usage(err)
	}
	checked := make(map[string]bool)
	for _, u := range updates {
		if u.Deleted() || checked[u.New] {
			continue
		}
		checked[u.New] = true
		if err := a.checkCommit(ctx, repository, pipeline, u); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) checkCommit(ctx context.Context, repository, pipeline string, u trigger.Update) (err error) {
	dir, err := os.MkdirTemp("", "stagegate-push-")
	if err != nil {
		return fmt.Errorf("check %s: %w", u.Ref, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	tree := filepath.Join(dir, "tree")
	if err := trigger.Checkout(ctx, repository, u.New, tree); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	host, err := a.pluginHost(ctx, s, nil, nil)
	if err != nil {
		return err
	}
	defer closeHost(ctx, host, &err)
	l, err := a.load(ctx, s, host, request{path: filepath.Join(tree, pipeline), ref: u.Ref})
	if err != nil {
		return err
	}
	if err := l.validate(ctx, host); err != nil {
		return err
	}
	a.show(within(l.diags, tree), l.sources(tree))
	if l.diags.HasErrors() {
		return usage(fmt.Errorf("the pipeline of %.12s is not valid: the push to %s is stopped", u.New, u.Ref))
	}
	return nil
}

// within names files as they are in the repository, not in the checkout.
func within(in diag.List, tree string) diag.List {
	out := make(diag.List, len(in))
	for i, d := range in {
		if d.Subject != nil {
			moved := *d.Subject
			moved.Filename = strings.TrimPrefix(moved.Filename, tree+string(filepath.Separator))
			d.Subject = &moved
		}
		if d.Context != nil {
			moved := *d.Context
			moved.Filename = strings.TrimPrefix(moved.Filename, tree+string(filepath.Separator))
			d.Context = &moved
		}
		out[i] = d
	}
	return out
}

func (l *loaded) sources(tree string) map[string][]byte {
	out := make(map[string][]byte)
	for name, content := range l.source.Contents() {
		out[strings.TrimPrefix(name, tree+string(filepath.Separator))] = content
	}
	return out
}
