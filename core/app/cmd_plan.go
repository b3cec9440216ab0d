package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pluginhost"
	"github.com/stagegate/stagegate/core/preview"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

// planFlags are the flags of `runner plan`.
type planFlags struct {
	pipelineFlags
	targets []string
	format  string
	offline bool
	noCache bool
}

// knowledge is what earlier runs have left; nothing of it is set before the
// first one.
type knowledge struct {
	blobs   runstate.Blobs
	results runstate.Results
}

// known is what earlier runs have left, only to be looked at.
func (s *session) known() (knowledge, error) {
	blobs, results, err := runstate.LookFileStore(s.home)
	if errors.Is(err, runstate.ErrNotFound) {
		return knowledge{}, nil
	}
	if err != nil {
		return knowledge{}, usage(err)
	}
	return knowledge{blobs, results}, nil
}

func (a *app) planCommand() *cobra.Command {
	var flags planFlags
	cmd := &cobra.Command{
		Use:   "plan [PATH]",
		Short: "Show what a run would do, and change nothing",
		Long: "Show what a run of the pipeline would do: which stages would run and why, what each deployer would\n" +
			"change, and what policy would say of it. What is not known before the run is shown as that.\n" +
			"Deployers are asked for their plans, which changes nothing; nothing is run, recorded or signed.\n\n" +
			"The exit code is that of the run, as far as it is known: 0 nothing stands in its way, 2 usage or\n" +
			"configuration, 3 a stage is known to fail, 4 a policy is known to deny.",
		Example: "  runner plan examples/pipelines/digits --var environment=staging\n  runner plan --offline --format json | jq .summary",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.plan(cmd.Context(), pathArgument(args), flags)
		},
	}
	flags.register(cmd)
	targetFlag(cmd, &flags.targets)
	cmd.Flags().BoolVar(&flags.offline, "offline", false, "leave the plans of deployers to the run: no cluster is contacted")
	cmd.Flags().BoolVar(&flags.noCache, "no-cache", false, "show every stage as one that runs, whatever is known from earlier runs")
	formatFlag(cmd, &flags.format)
	return cmd
}

func (a *app) plan(ctx context.Context, path string, flags planFlags) (err error) {
	if err := checkFormat(flags.format); err != nil {
		return err
	}
	s, err := a.session()
	if err != nil {
		return err
	}
	known, err := s.known()
	if err != nil {
		return err
	}
	masks := redact.New()
	defer hide(masks, &err)
	host, err := a.pluginHost(ctx, s, known.blobs, masks)
	if err != nil {
		return err
	}
	defer a.closeHost(ctx, host, &err)
	defer a.endAtOnce(ctx, host)()
	l, err := a.load(ctx, s, host, request{path: path, flags: flags.pipelineFlags, masks: masks, fetch: true})
	if err != nil {
		return err
	}
	if err := l.validate(ctx, host); err != nil {
		return err
	}
	l.narrow(flags.targets)
	a.show(l.diags, l.source.Contents())
	if l.diags.HasErrors() {
		return errShown(exitUsage)
	}
	p, err := a.preview(ctx, s, host, l, known, flags)
	if err != nil {
		return err
	}
	err = a.print(flags.format, p, func() error { return view.Plan(a.Stdout, p, a.color(a.Stdout)) })
	if code := planExitCode(p); err == nil && code != exitDone {
		return errShown(code)
	}
	return err
}

// preview asks the engine what a run would do.
func (a *app) preview(ctx context.Context, s *session, host *pluginhost.Host, l *loaded, known knowledge, flags planFlags) (p *preview.Preview, err error) {
	decisions, err := a.gate(ctx, s, host, nil)
	if err != nil {
		return nil, err
	}
	var results engine.Cache
	if known.results != nil {
		if results, err = a.cacheIn(s, known.results, known.blobs, l, cacheOrigin{refresh: flags.noCache}); err != nil {
			return nil, err
		}
	}
	scratch, err := os.MkdirTemp("", "stagegate-plan-")
	if err != nil {
		return nil, fmt.Errorf("make scratch folder: %w", err)
	}
	defer func() { a.closing(&err, os.RemoveAll(scratch)) }()
	p, err = engine.Preview(ctx, l.Pipeline, event.Run{
		Commit: l.facts.Commit, Ref: l.facts.Ref, Clean: l.facts.Clean, Runner: Version, Variables: l.VariablesShown(), Targets: l.targets, Whole: l.whole,
	}, engine.PreviewOptions{
		Plugins: host, Evaluator: l.Evaluator, Redactor: l.masks, Policy: decisions, Cache: results, Inputs: l.inputs,
		Repository: l.facts.Repository, Scratch: scratch, Parallelism: s.operator.Parallelism, Offline: flags.offline,
	})
	if invalid, ok := errors.AsType[*engine.InvalidError](err); ok {
		return nil, a.refuse(invalid.Diagnostics, l.source.Contents())
	}
	if err != nil {
		return nil, err
	}
	p.Schema = view.SchemaVersion
	return p, nil
}

// planExitCode is what a run would end with, as far as that is known.
func planExitCode(p *preview.Preview) int {
	switch {
	case p.Summary.Decisions[preview.Deny] > 0:
		return exitDenied
	case p.Summary.Failing > 0 || p.Summary.Decisions[preview.Fault] > 0:
		return exitFailed
	default:
		return exitDone
	}
}
