package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/gate"
	"github.com/stagegate/stagegate/core/operator"
	"github.com/stagegate/stagegate/core/pluginhost"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

// runFlags are the flags of `runner run`.
type runFlags struct {
	pipelineFlags
	limitFlags
	targets     []string
	parallelism int
	format      string
	verbose     bool
	noCache     bool
	// approvalWait is how long stages wait for approvals in their place.
	approvalWait time.Duration
}

func (a *app) runCommand() *cobra.Command {
	var flags runFlags
	var again []string
	var accept accepted
	cmd := &cobra.Command{
		Use:   "run [PATH | --restart-from STAGE RUN]",
		Short: "Run a pipeline",
		Long: "Run the pipeline in a folder of .hcl files, or in one file.\n\n" +
			"Exit codes: 0 done, 1 internal error, 2 usage or configuration, 3 a stage failed,\n" +
			"4 a policy denied, 5 waiting for approval, 130 interrupted.",
		Example: "  runner run examples/pipelines/digits --var environment=staging\n  runner run --format json | jq .type",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(again) > 0 {
				return a.restart(cmd.Context(), args, again, flags, accept)
			}
			if accept != (accepted{}) {
				return usage(errors.New("--allow-changed-plugins and --allow-changed-tree are for runs that go on: use them with --restart-from, or with runner resume"))
			}
			return a.run(cmd.Context(), job{path: pathArgument(args), flags: flags})
		},
	}
	flags.register(cmd)
	flags.registerLimits(cmd)
	targetFlag(cmd, &flags.targets)
	flags.registerRunning(cmd, "how many stages run at the same time (default: the operator's, else the number of processors)")
	cmd.Flags().StringArrayVar(&again, "restart-from", nil, "take over what RUN has come to, and run this `stage` and all that depend on it again, as a new run (repeatable)")
	accept.register(cmd)
	return cmd
}

// registerRunning adds the flags of commands that run stages.
func (f *runFlags) registerRunning(cmd *cobra.Command, parallelism string) {
	cmd.Flags().IntVar(&f.parallelism, "parallelism", 0, parallelism)
	cmd.Flags().StringVar(&f.format, "format", string(view.Auto), "auto, live, plain or json")
	cmd.Flags().BoolVar(&f.noCache, "no-cache", false, "run every stage, whatever is known from earlier runs; what they come to is kept as always")
	cmd.Flags().DurationVar(&f.approvalWait, "wait-for-approval", 0, "wait that long for approvals, rather than end and be resumed")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "show the output of every stage, not only of failed ones")
}

// job is a run to do.
type job struct {
	path    string
	flags   runFlags
	id      string       // of the run; empty means a new one
	ref     string       // that was pushed; empty means what git says
	trigger string       // what started it; empty means by hand
	source  string       // repository that was pushed to; empty by hand
	tree    string       // checkout that is left out of messages
	on      *goingOn     // what it goes on from; nil means that it starts afresh
	journal runstate.Run // of a run that a trigger has made; nil means that a checked job gets one
	post    *post        // that tells of the run; nil means one of its own
}

// push is what started the job, or nil.
func (j job) push() *operator.Push {
	if j.source == "" {
		return nil
	}
	return &operator.Push{Repository: j.source, Ref: j.ref}
}

// run does a job by hand.
func (a *app) run(ctx context.Context, j job) (err error) {
	if err := j.flags.check(); err != nil {
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
	return a.runIn(ctx, s, store, j)
}

// check refuses flags that make no sense before anything is done.
func (f runFlags) check() error {
	if err := f.checkLimits(); err != nil {
		return err
	}
	if f.approvalWait < 0 {
		return usage(fmt.Errorf("--wait-for-approval is %s: use a length of time such as 30m", f.approvalWait))
	}
	if f.parallelism < 0 {
		return usage(fmt.Errorf("--parallelism is %d: use 1 or more", f.parallelism))
	}
	if _, err := view.New(view.Options{Format: view.Format(f.format), Out: io.Discard}); err != nil {
		return usage(err)
	}
	return nil
}

// runIn loads and checks first, and only then is there a run.
func (a *app) runIn(ctx context.Context, s *session, store *runstate.FileStore, j job) (err error) {
	s.push = j.push()
	if j.post == nil {
		j.post = a.post(ctx, s, store)
		defer j.post.finish(ctx)
	}
	masks := redact.New()
	defer hide(masks, &err)
	host, err := a.pluginHost(ctx, s, store.Blobs(), masks)
	if err != nil {
		return err
	}
	defer a.closeHost(ctx, host, &err)
	defer a.endAtOnce(ctx, host)()
	var stops *control
	if j.journal != nil { // the run is there, and can be asked to end
		var release func()
		ctx, stops, release = a.control(ctx, j.journal, host)
		defer release()
	}
	if j.id == "" {
		j.id = runstate.NewID(now())
	}
	l, err := a.load(ctx, s, host, request{
		path: j.path, flags: j.flags.pipelineFlags, ref: j.ref, masks: masks, on: j.on, fetch: true,
		run: &config.Run{ID: j.id, StartedAt: j.on.started()},
	})
	if err != nil {
		return err
	}
	j.post.learn(ctx, j.id, l)
	if err := l.validate(ctx, host); err != nil {
		return err
	}
	l.narrow(j.flags.targets)
	j.on.checkPast(l, j.id)
	a.show(within(l.diags, j.tree), l.sources(j.tree))
	if l.diags.HasErrors() {
		return errShown(exitUsage)
	}
	return a.execute(ctx, execution{job: j, stops: stops, session: s, store: store, host: host, loaded: l, masks: masks})
}

// execution is a checked job with all that it needs.
type execution struct {
	job
	stops   *control
	session *session
	store   *runstate.FileStore
	host    *pluginhost.Host
	loaded  *loaded
	masks   *redact.Redactor
}

// execute runs the engine with a journal and a view.
func (a *app) execute(ctx context.Context, x execution) (err error) {
	decisions, err := a.gate(ctx, x.session, x.host, x.store.Votes)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "stagegate-run-")
	if err != nil {
		return fmt.Errorf("make scratch folder: %w", err)
	}
	defer func() { a.closing(&err, os.RemoveAll(scratch)) }()
	if x.journal == nil {
		if x.journal, err = x.store.Create(ctx, x.id); err != nil {
			return usage(err)
		}
		defer func() { a.closing(&err, x.journal.Close()) }()
		var release func()
		ctx, x.stops, release = a.control(ctx, x.journal, x.host)
		defer release()
	}
	x.post.expect(ctx, x.id, x.begun(), x.loaded.rules)
	x.post.begin()
	x.flags.apply(x.loaded.Pipeline)
	outcome, err := a.engine(ctx, x, decisions, scratch)
	a.pruneCache(x.session, x.store)
	if invalid, ok := errors.AsType[*engine.InvalidError](err); ok {
		return a.refuse(invalid.Diagnostics, x.loaded.source.Contents())
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", x.id, err)
	}
	if x.flags.format != string(view.JSON) {
		if err := a.summarize(ctx, x.store, x.id); err != nil {
			return err
		}
	}
	if code := exitCode(outcome); code != exitDone {
		return errShown(code)
	}
	return nil
}

// engine runs the pipeline to its end.
func (a *app) engine(ctx context.Context, x execution, decisions *gate.Gate, scratch string) (engine.Outcome, error) {
	shown, err := a.view(context.WithoutCancel(ctx), x)
	if err != nil {
		return engine.Outcome{}, err
	}
	defer shown.Close()
	known, err := a.cacheOf(x.session, x.store, x.loaded, cacheOrigin{repository: x.source, ref: x.ref, refresh: x.flags.noCache})
	if err != nil {
		return engine.Outcome{}, err
	}
	e, err := engine.New(engine.Options{
		Plugins: x.host, Evaluator: x.loaded.Evaluator, Journal: a.journal(x.journal), Groups: x.journal, Logs: x.journal, Blobs: x.store.Blobs(),
		View: x.post.watch(shown), Redactor: x.masks, Gate: decisions, Attester: decisions, Cache: known, Inputs: x.loaded.inputs,
		RunID: x.id, Repository: x.loaded.facts.Repository, Scratch: scratch,
		Parallelism: x.parallelism(), Drain: x.stops.drain, Abort: x.stops.abort, ExitCode: exitCode,
		History: history{runstate.NewEarlier(x.store, x.id)}, CancelRun: canceller(x.store),
		Past: x.on.results(), ApprovalWait: x.flags.approvalWait,
	})
	if err != nil {
		return engine.Outcome{}, err
	}
	info, err := x.info(context.WithoutCancel(ctx))
	if err != nil {
		return engine.Outcome{}, err
	}
	return e.Run(ctx, x.loaded.Pipeline, info)
}

func (x execution) parallelism() int {
	if x.flags.parallelism > 0 {
		return x.flags.parallelism
	}
	if x.on != nil {
		return x.on.run.Parallelism
	}
	return x.session.operator.Parallelism
}

// view shows the run on standard output.
func (a *app) view(ctx context.Context, x execution) (view.View, error) {
	_, isTerm := terminal(a.Stdout)
	return view.New(view.Options{
		Format: view.Format(x.flags.format), Out: a.Stdout, IsTerm: isTerm && a.env("TERM") != "dumb",
		Color: a.color(a.Stdout), Verbose: x.flags.verbose, Version: Version,
		Tail: func(stage string, attempt int) []byte { return tail(ctx, x.store, x.id, stage, attempt) },
	})
}

// maxTail is how much of the end of a log is read.
const maxTail = 16 << 10

// tail is the end of an attempt's log, or nothing.
func tail(ctx context.Context, store *runstate.FileStore, run, stage string, attempt int) []byte {
	log, err := store.Log(ctx, run, stage, attempt)
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
