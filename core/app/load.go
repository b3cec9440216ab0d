package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"time"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/notify"
	"github.com/stagegate/stagegate/core/pluginhost"
	"github.com/stagegate/stagegate/core/redact"
	"github.com/stagegate/stagegate/core/source"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"golang.org/x/sync/errgroup"
)

// pipelineFlags are the flags of all commands that read a pipeline.
type pipelineFlags struct {
	vars     []string
	varFiles []string
}

func (f *pipelineFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.vars, "var", nil, "set a variable: `name=value` (repeatable)")
	cmd.Flags().StringArrayVar(&f.varFiles, "var-file", nil, "read variables from a `file` of name = value lines, or .json (repeatable)")
}

// loaded is a pipeline with everything that was found out about it.
type loaded struct {
	*config.Loaded
	source  *config.Source
	facts   source.Facts
	digests map[string]string // of plugins, by name
	// inputs are what components said about the inputs of stages, by stage name.
	inputs map[string]*pluginv1.Inputs
	diags  diag.List
	masks  *redact.Redactor
	// targets are what is wanted of the pipeline, empty for everything, and whole
	// is how many stages it has then.
	targets []string
	whole   int
	started time.Time // of the run
	cwd     string
	rules   []notify.Rule // of the pipeline: who is told when
}

// request says what to load.
type request struct {
	path  string
	flags pipelineFlags
	// run is the run that the pipeline is loaded for; nil when there is none.
	run *config.Run
	// ref replaces what git says, for a commit that was pushed to a ref.
	ref string
	// on is the run on record that is gone on with; nil when there is none.
	on *goingOn
	// masks learns what is sensitive.
	masks *redact.Redactor
	// partial lets variables be without a value: the pipeline is only looked at.
	partial bool
	// fetch has modules fetched that are pinned and not in the store.
	fetch bool
}

// loadingGC lets the heap grow further than usual while a pipeline is loaded:
// nearly all that is allocated then lives as long as the pipeline, so that
// collecting it again and again is work for nothing.
const loadingGC = 300

// load reads a pipeline, the schemas of its plugins and the facts of its
// tree. Everything wrong with it is in the diagnostics of the result, which is
// never nil without an error.
func (a *app) load(ctx context.Context, s *session, host *pluginhost.Host, req request) (*loaded, error) {
	defer debug.SetGCPercent(debug.SetGCPercent(loadingGC)) // at the end, what it was
	src, diags := config.Parse(config.Options{
		Path: req.path, RunnerVersion: Version, Snapshot: req.on.pipeline(), Modules: a.lockedModules(ctx, s, req.path, req.fetch),
	})
	for _, plugin := range src.Plugins() {
		if !req.partial {
			host.Warm(plugin.Name)
		}
	}
	out := &loaded{source: src, digests: make(map[string]string), inputs: make(map[string]*pluginv1.Inputs), masks: req.masks}
	inputs, problems := config.ReadInputs(config.InputSources{
		Env: a.Environ, Kept: req.on.kept(), Files: req.flags.varFiles, Flags: req.flags.vars,
	})
	diags = append(diags, problems...)
	described, problems, err := out.inquire(ctx, host)
	if err != nil {
		return nil, err
	}
	diags = append(diags, problems...)
	if req.ref != "" {
		out.facts.Ref = req.ref
	}
	diags = append(diags, req.on.facts(&out.facts)...)
	cwd, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the working folder: %w", err)
	}
	out.cwd = req.on.cwd(cwd)
	if req.run != nil {
		out.started = req.run.StartedAt
	}
	ready, problems := src.Load(config.Inputs{
		Plugins: described, Variables: inputs, Partial: req.partial, Run: req.run, Cwd: out.cwd,
		Git: config.Git{
			Commit: out.facts.Commit, Ref: out.facts.Ref, Clean: out.facts.Clean, Repository: out.facts.Repository,
		},
		Secrets: secrets{ctx: ctx, resolver: s.secrets(a.lookupEnv, req.masks)},
	})
	out.Loaded, out.diags = ready, append(diags, problems...)
	out.diags = append(out.diags, req.on.check(out)...)
	out.mask(req.masks)
	out.checkSecrets(s.operator, s.push)
	out.checkApprovals(s.operator.Approvals)
	out.checkNotify(s.operator)
	if ready != nil && !out.diags.HasErrors() {
		out.diags = append(out.diags, engine.Check(ready.Pipeline)...)
	}
	out.diags = out.diags.Sorted()
	return out, nil
}

// inquire asks the plugins what they offer, and git about the tree, at the same
// time: both start processes and wait for them.
func (l *loaded) inquire(ctx context.Context, host *pluginhost.Host) (described map[string]*pluginv1.DescribeResponse, problems diag.List, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		described, problems, err = l.describe(ctx, host)
		return err
	})
	group.Go(func() (err error) {
		if l.facts, err = source.Read(ctx, l.source.Root); err != nil {
			return usage(err)
		}
		return nil
	})
	err = group.Wait()
	return described, problems, err
}

// describe asks each plugin that the pipeline needs what it offers.
func (l *loaded) describe(ctx context.Context, host *pluginhost.Host) (map[string]*pluginv1.DescribeResponse, diag.List, error) {
	described := make(map[string]*pluginv1.DescribeResponse)
	var diags diag.List
	for _, need := range l.source.Plugins() {
		d, digest, err := host.Describe(ctx, need.Name)
		if ctx.Err() != nil {
			return nil, nil, context.Cause(ctx)
		}
		if broken, ok := errors.AsType[*engine.PluginError](err); ok {
			diags.Append(&need.Range, pluginSummary(broken), pluginDetail(broken))
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("describe plugin %s: %w", need.Name, err)
		}
		described[need.Name] = d
		l.digests[need.Name] = digest
	}
	return described, diags, nil
}

func pluginSummary(e *engine.PluginError) string {
	if e.Class == pluginhost.ClassMissing {
		return fmt.Sprintf("Unknown plugin %q", e.Plugin)
	}
	return fmt.Sprintf("Plugin %q cannot be used", e.Plugin)
}

func pluginDetail(e *engine.PluginError) string {
	detail := e.Err.Error() + "."
	if e.LastWords != "" {
		detail += "\n\nIts last words:\n" + e.LastWords
	}
	return detail
}

// now is the time, to the second, as runs are named.
func now() time.Time { return time.Now() }
