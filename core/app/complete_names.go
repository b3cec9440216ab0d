package app

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/handbook"
	"github.com/stagegate/stagegate/core/pluginhost"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

const (
	// maxSuggested bounds how many runs are suggested.
	maxSuggested = 50
	// hurry is how long runs are read to say what became of them.
	hurry = 300 * time.Millisecond
)

// names are suggestions in the order given, and no files.
const names = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveKeepOrder

// suggest is a name with what it is, in words.
func suggest(name, about string) cobra.Completion {
	about = strings.Join(strings.Fields(view.Printable(about)), " ")
	return cobra.CompletionWithDesc(name, about)
}

// completeRuns suggests runs, newest first.
func completeRuns(ctx context.Context, a *app, _ *cobra.Command, _ []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	store := a.existingStore()
	if store == nil {
		return nil, names
	}
	ids, err := store.List(ctx)
	if err != nil || len(ids) == 0 {
		return nil, names
	}
	out := []cobra.Completion{suggest("latest", "the newest run")}
	until := now().Add(hurry)
	for i, id := range ids {
		if i == maxSuggested {
			break
		}
		if now().After(until) {
			out = append(out, id)
			continue
		}
		e := entry(ctx, store, id)
		out = append(out, suggest(id, cmp.Or(e.Pipeline, "-")+" "+string(e.Status)))
	}
	return out, names
}

// existingStore is the run store, unless there is none yet: to complete a name
// makes no folder.
func (a *app) existingStore() *runstate.FileStore {
	s, err := a.session()
	if err != nil {
		return nil
	}
	if _, err := os.Stat(s.home); err != nil {
		return nil
	}
	store, err := s.store()
	if err != nil {
		return nil
	}
	return store
}

// completeStagesOfRun suggests the stages of the run that the first argument
// means.
func completeStagesOfRun(ctx context.Context, a *app, _ *cobra.Command, args []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 || a.existingStore() == nil {
		return nil, names
	}
	run, err := a.kept(ctx, args[0])
	if err != nil {
		return nil, names
	}
	var out []cobra.Completion
	for _, stage := range run.state.Stages {
		out = append(out, suggest(stage.Name, stage.Uses+" "+string(stage.Status)))
	}
	return out, names
}

// completeVariables suggests the variables of the pipeline that the arguments
// mean.
func completeVariables(_ context.Context, _ *app, cmd *cobra.Command, args []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	src, _ := config.Parse(config.Options{Path: pipelinePath(cmd, args)}) // a mistake elsewhere hides no name
	var out []cobra.Completion
	for _, v := range src.Variables() {
		about := v.Description
		if about == "" && v.Type.FriendlyName() != "dynamic" {
			about = v.Type.FriendlyName()
		}
		out = append(out, suggest(v.Name+"=", about))
	}
	return out, names | cobra.ShellCompDirectiveNoSpace
}

// completeStages suggests the stages of the pipeline that the arguments mean,
// or of a run where the command takes one.
func completeStages(ctx context.Context, a *app, cmd *cobra.Command, args []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if first := strings.Fields(cmd.Use); len(first) > 1 && strings.Trim(first[1], "[]") == "RUN" {
		return completeStagesOfRun(ctx, a, cmd, args)
	}
	src, _ := config.Parse(config.Options{Path: pipelinePath(cmd, args)})
	inputs, _ := config.ReadInputs(config.InputSources{Env: a.Environ})
	ready, _ := src.Load(config.Inputs{Variables: inputs, Partial: true, Cwd: filepath.Dir(src.Root)})
	if ready == nil {
		return nil, names
	}
	var out []cobra.Completion
	for _, stage := range ready.Pipeline.Stages {
		out = append(out, suggest(stage.Address(), stage.Component.String()))
	}
	return out, names
}

// pipelinePath is the argument that is a path, or the working folder.
func pipelinePath(cmd *cobra.Command, args []string) string {
	for i, word := range strings.Fields(cmd.Use)[1:] {
		if strings.HasPrefix(strings.Trim(word, "["), "PATH") && i < len(args) {
			return args[i]
		}
	}
	return "."
}

// completeComponents suggests plugins and their components, as far as they have
// been described before.
func completeComponents(_ context.Context, a *app, _ *cobra.Command, _ []string) ([]cobra.Completion, cobra.ShellCompDirective) {
	s, err := a.session()
	if err != nil {
		return nil, names
	}
	var out []cobra.Completion
	for _, p := range pluginhost.Described(a.pluginOptions(s)) {
		for _, c := range p.GetComponents() {
			out = append(out, suggest(p.GetName()+"."+c.GetName(), handbook.Summary(c)))
		}
		out = append(out, suggest(p.GetName(), "all components of the plugin"))
	}
	return out, names
}
