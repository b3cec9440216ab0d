package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pluginhost"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

// runFlags are the flags of `runner run`.
type runFlags struct {
	pipelineFlags
	parallelism int
	format      string
	verbose     bool
}

func (a *app) runCommand() *cobra.Command {
	var flags runFlags
	cmd := &cobra.Command{
		Use:   "run [PATH]",
		Short: "Run a pipeline",
		Long: "Run the pipeline in a folder of .hcl files, or in one file.\n\n" +
			"Exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 a stage failed,\n" +
			"4 a policy denied, 130 interrupted.",
		Example: "  runner run examples/pipelines/digits --var environment=staging\n  runner run --format json | jq .type",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.run(cmd.Context(), job{path: pathArgument(args), flags: flags})
		},
	}
	flags.register(cmd)
	cmd.Flags().IntVar(&flags.parallelism, "parallelism", 0, "how many stages run at the same time (default: the operator's, else the number of processors)")
	cmd.Flags().StringVar(&flags.format, "format", string(view.Auto), "auto, live, plain or json")
	cmd.Flags().BoolVarP(&flags.verbose, "verbose", "v", false, "show the output of every stage, not only of failed ones")
	return cmd
}

// job is a run to do.
type job struct {
	path    string
	flags   runFlags
	id      string // of the run; empty means a new one
	ref     string // that was pushed; empty means what git says
	trigger string // what started it; empty means by hand
}

// run does a job: load and check first, and only then is there a run.
func (a *app) run(ctx context.Context, j job) (err error) {
	if j.flags.parallelism < 0 {
		return usage(fmt.Errorf("--parallelism is %d: use 1 or more", j.flags.parallelism))
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	store, err := s.store()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	ctx, signals, stop := a.watch(ctx)
	defer stop()
	masks := redact.New()
	host, err := a.pluginHost(ctx, s, store.Blobs(), masks.Text)
	if err != nil {
		return err
	}
	defer closeHost(ctx, host, &err)
	if j.id == "" {
		j.id = runstate.NewID(now())
	}
	l, err := a.load(ctx, s, host, request{
		path: j.path, flags: j.flags.pipelineFlags, ref: j.ref,
		run: &config.Run{ID: j.id, StartedAt: now()},
	})
	if err != nil {
		return err
	}
	if err := l.validate(ctx, host); err != nil {
		return interruptedOr(ctx, err)
	}
	a.show(l.diags, l.source.Contents())
	if l.diags.HasErrors() {
		return errShown(exitUsage)
	}
	return a.execute(ctx, execution{job: j, session: s, store: store, host: host, loaded: l, masks: masks, signals: signals})
}

// execution is a checked job with all that it needs.
type execution struct {
	job
	session *session
	store   *runstate.FileStore
	host    *pluginhost.Host
	loaded  *loaded
	masks   *redact.Redactor
	signals *interrupts
}

// execute runs the engine with a journal and a view.
func (a *app) execute(ctx context.Context, x execution) (err error) {
	decisions, err := a.gate(ctx, x.session, x.host)
	if err != nil {
		return err
	}
	run, err := x.open(ctx)
	if err != nil {
		return usage(err)
	}
	defer func() { err = errors.Join(err, run.Close()) }()
	scratch, err := os.MkdirTemp("", "stagegate-run-")
	if err != nil {
		return fmt.Errorf("make scratch folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()
	shown, err := a.view(x)
	if err != nil {
		return usage(err)
	}
	e, err := engine.New(engine.Options{
		Plugins: x.host, Evaluator: x.loaded.Evaluator, Journal: run, Logs: run, Blobs: x.store.Blobs(),
		View: shown, Redactor: x.masks, Gate: decisions,
		RunID: run.ID(), Repository: x.loaded.facts.Repository, Scratch: scratch,
		Parallelism: x.parallelism(), Abort: x.signals.abort, ExitCode: exitCode,
	})
	if err != nil {
		return err
	}
	outcome, err := e.Run(ctx, x.loaded.Pipeline, x.info())
	shown.Close()
	if invalid, ok := errors.AsType[*engine.InvalidError](err); ok {
		return a.refuse(invalid.Diagnostics, x.loaded.source.Contents())
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", run.ID(), err)
	}
	if x.flags.format != string(view.JSON) {
		if err := a.summarize(ctx, x.store, run.ID()); err != nil {
			return err
		}
	}
	if code := exitCode(outcome); code != exitDone {
		return errShown(code)
	}
	return nil
}

// open makes the run, or continues one that a hook has made.
func (x execution) open(ctx context.Context) (runstate.Run, error) {
	if x.trigger != "" {
		return x.store.Open(ctx, x.id)
	}
	return x.store.Create(ctx, x.id)
}

func (x execution) parallelism() int {
	if x.flags.parallelism > 0 {
		return x.flags.parallelism
	}
	return x.session.operator.Parallelism
}

// info is what the journal keeps about the run's origin.
func (x execution) info() event.Run {
	info := event.Run{
		Commit: x.loaded.facts.Commit, Ref: x.loaded.facts.Ref, Clean: x.loaded.facts.Clean,
		Runner: Version, Variables: x.loaded.VariablesShown(), Trigger: x.trigger,
	}
	for _, stage := range x.loaded.Pipeline.Stages {
		info.Stages = append(info.Stages, event.StageInfo{
			Name: stage.Name, PluginDigest: x.loaded.digests[stage.Component.Plugin],
		})
	}
	return info
}

// view shows the run on standard output.
func (a *app) view(x execution) (view.View, error) {
	_, isTerm := terminal(a.Stdout)
	return view.New(view.Options{
		Format: view.Format(x.flags.format), Out: a.Stdout, IsTerm: isTerm && a.env("TERM") != "dumb",
		Color: a.color(a.Stdout), Verbose: x.flags.verbose, Version: Version,
		Tail: func(stage string, attempt int) []byte { return tail(x.store, x.id, stage, attempt) },
	})
}

// maxTail is how much of the end of a log is read.
const maxTail = 16 << 10

// tail is the end of an attempt's log, or nothing.
func tail(store *runstate.FileStore, run, stage string, attempt int) []byte {
	log, err := store.Log(context.Background(), run, stage, attempt) //nolint:contextcheck // what has been written can be shown whatever has ended
	if err != nil {
		return nil
	}
	defer func() { _ = log.Close() }() // read only: nothing can be lost
	if seeker, ok := log.(io.Seeker); ok {
		if _, err := seeker.Seek(-maxTail, io.SeekEnd); err != nil {
			_, err = seeker.Seek(0, io.SeekStart) // it is shorter than that
			if err != nil {
				return nil
			}
		}
	}
	data, err := io.ReadAll(io.LimitReader(log, maxTail))
	if err != nil {
		return nil
	}
	return data
}

// summarize prints what the journal says, so that what is shown at the end is
// what is kept.
func (a *app) summarize(ctx context.Context, store *runstate.FileStore, id string) error {
	history, err := store.Read(context.WithoutCancel(ctx), id)
	if err != nil {
		return fmt.Errorf("read run %s: %w", id, err)
	}
	return view.Summary(a.Stdout, runstate.Replay(history), a.color(a.Stdout), now())
}

// interruptedOr is the code of an interruption when that is why ctx ended.
func interruptedOr(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errInterrupted) {
		return errShown(exitInterrupted)
	}
	return err
}
