package app

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/seal"
	"github.com/stagegate/stagegate/core/source"
)

// sensitiveShown stands for the value of a sensitive variable on record.
const sensitiveShown = "(sensitive)"

// goingOn is the run on record that a run goes on from: itself, or the one that
// it restarts. A nil one is that of a run that starts afresh.
type goingOn struct {
	id     string // of the run on record
	run    event.Run
	past   *engine.Past
	accept accepted
	files  []byte       // the snapshot of its pipeline
	sealer *seal.Sealer // nil when no variable is sensitive
}

// accepted are the changes that the user has accepted.
type accepted struct {
	plugins bool
	tree    bool
}

// goOn reads what can be gone on from: in the run itself or, when some stages
// are to run again, in a new one.
func (a *app) goOn(s *session, store *runstate.FileStore, id string, history runstate.History, again []string, accept accepted) (*goingOn, error) {
	state := runstate.Replay(history)
	past := &engine.Past{Stages: engine.Recall(history.Events)}
	for _, stage := range again {
		past.From = id
		past.Again = append(past.Again, pipeline.StageName(stage))
	}
	switch from := state.Run.Restarted; {
	case len(history.Events) == 0:
		return nil, usage(fmt.Errorf("run %s was interrupted before anything of it was recorded: start a new one", id))
	case len(state.Run.Stages) == 0 || state.Run.Snapshot == "":
		return nil, usage(fmt.Errorf("run %s never came to run its stages: start a new one", id))
	case from != nil && len(history.Events) <= from.TakenOver:
		return nil, usage(fmt.Errorf("run %s was interrupted while it took results over from run %s, and has run nothing yet: restart that one again", id, from.Run))
	}
	on := &goingOn{id: id, run: state.Run, past: past, accept: accept}
	var err error
	if on.files, err = readBlob(store.Blobs(), on.run.Snapshot); err != nil {
		return nil, usage(fmt.Errorf("run %s cannot be gone on with: read its pipeline as it was: %w; start a new run", id, err))
	}
	if len(on.run.Sealed) > 0 {
		if on.sealer, err = s.sealer(); err != nil {
			return nil, err
		}
	}
	return on, on.missingArtifacts(store.Blobs())
}

// pipeline is the snapshot of the pipeline; nil when it is to be read from its
// files.
func (on *goingOn) pipeline() []byte {
	if on == nil {
		return nil
	}
	return on.files
}

// started is run.started_at of the language: a run that goes on is the same run.
func (on *goingOn) started() time.Time {
	if on == nil || on.past.From != "" || on.run.StartedAt.IsZero() {
		return now()
	}
	return on.run.StartedAt
}

// kept are the variables on record, without sensitive ones.
func (on *goingOn) kept() map[string]string {
	if on == nil {
		return nil
	}
	out := maps.Clone(on.run.Variables)
	maps.DeleteFunc(out, func(_, value string) bool { return value == sensitiveShown })
	return out
}

// cwd is path.cwd of the language.
func (on *goingOn) cwd(otherwise string) string {
	if on == nil || on.run.Cwd == "" {
		return otherwise
	}
	return on.run.Cwd
}

// facts makes the facts of the tree those of the run on record, once the tree is
// known to be the same. A tree that is not counts as that commit with changes.
func (on *goingOn) facts(facts *source.Facts) diag.List {
	if on == nil {
		return nil
	}
	clean := on.run.Clean
	var diags diag.List
	if what, remedy := on.treeChanged(*facts); what != "" {
		clean = false
		if !on.accept.tree {
			diags.Append(nil, "The tree is not the one that the run was started in", what+" "+remedy+
				" To go on all the same, use --allow-changed-tree: the run then counts as one of a tree with changes.")
		}
	}
	facts.Commit, facts.Ref, facts.Clean, facts.Repository = on.run.Commit, on.run.Ref, clean, on.run.Repository
	return diags
}

func (on *goingOn) treeChanged(facts source.Facts) (what, remedy string) {
	switch was := on.run.Commit; {
	case facts.Commit != was && was == "":
		return fmt.Sprintf("Run %s was started outside any commit; now the tree is at %.12s.", on.id, facts.Commit), "Start a new run."
	case facts.Commit == "" && was != "":
		return fmt.Sprintf("Run %s was started at commit %.12s; now the tree is at none.", on.id, was), "Put the repository back."
	case facts.Commit != was:
		return fmt.Sprintf("Run %s was started at commit %.12s; now the tree is at %.12s.", on.id, was, facts.Commit),
			fmt.Sprintf("Go back with git checkout %.12s.", was)
	case on.run.Clean && facts.Modified:
		return fmt.Sprintf("Run %s was started at commit %.12s without changes; now files of it have changes.", on.id, was),
			"Put them away with git stash."
	default:
		return "", ""
	}
}

// checkPast finds what the record lacks for the stages that run.
func (on *goingOn) checkPast(l *loaded, run string) {
	if on != nil && !l.diags.HasErrors() {
		l.diags = append(l.diags, engine.CheckPast(l.Pipeline, l.Evaluator, run, on.past)...)
	}
}

// check compares what was loaded with what is on record.
func (on *goingOn) check(l *loaded) diag.List {
	if on == nil || l.Loaded == nil {
		return nil
	}
	return slices.Concat(on.checkPlugins(l), on.checkVariables(l.Variables))
}

func (on *goingOn) checkPlugins(l *loaded) (diags diag.List) {
	if on.accept.plugins {
		return nil
	}
	reported := make(map[string]bool)
	for _, s := range on.run.Stages {
		plugin, _, _ := strings.Cut(s.Uses, ".")
		now := l.digests[plugin]
		if now == "" || s.PluginDigest == "" || now == s.PluginDigest || reported[plugin] {
			continue
		}
		reported[plugin] = true
		diags.Append(nil, fmt.Sprintf("Plugin %q is not the one that the run was started with", plugin), fmt.Sprintf(
			"It was %s, and is %s. Put the old one back, or go on with the new one with --allow-changed-plugins.", s.PluginDigest, now))
	}
	return diags
}

// checkVariables makes sure that what was given again is what it was. No value
// of a sensitive variable is in a message, nor a hint at one.
func (on *goingOn) checkVariables(values []config.VariableValue) (diags diag.List) {
	for _, v := range values {
		was, recorded := on.run.Variables[v.Name]
		if bare, _ := v.Value.UnmarkDeep(); !recorded || !bare.IsWhollyKnown() {
			continue // the files have changed, or it is reported already
		}
		if v.Value.ContainsMarked() {
			if on.sealer == nil || !on.sealer.Fits(on.run.Sealed[v.Name], on.id, v.Name, plainJSON(v.Value)) {
				diags.Append(nil, fmt.Sprintf("Sensitive variable %q has another value", v.Name), fmt.Sprintf(
					"Run %s was started with another one. Give it the same again with --var, --var-file or RUNNER_VAR_%s, or start a new run.", on.id, v.Name))
			}
			continue
		}
		if shown := v.Shown(); shown != was {
			diags.Append(nil, fmt.Sprintf("Variable %q has another value", v.Name), fmt.Sprintf(
				"Run %s was started with %s; %s says %s. Leave it out: a run goes on with the values that it was started with. For another value start a new run.",
				on.id, was, v.Source, shown))
		}
	}
	return diags
}

// results are those on record.
func (on *goingOn) results() *engine.Past {
	if on == nil {
		return nil
	}
	return on.past
}
