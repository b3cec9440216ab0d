package app

import (
	"bytes"
	"context"
	"fmt"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/seal"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"
)

// info is what the journal keeps about the run's origin: all that it takes to
// go on with it, and nothing sensitive.
func (x execution) info(ctx context.Context) (event.Run, error) {
	l := x.loaded
	info := event.Run{
		Actor: x.starter(), Commit: l.facts.Commit, Ref: l.facts.Ref, Clean: l.facts.Clean, Repository: l.facts.Repository,
		Runner: Version, Variables: l.VariablesShown(), Trigger: x.trigger, PushedTo: x.source, Targets: l.targets, Whole: l.whole,
		StartedAt: l.started, Cwd: l.cwd,
	}
	if x.on != nil && x.on.past.From == "" {
		info.Restarted = x.on.run.Restarted
	}
	for _, stage := range l.Pipeline.Stages {
		info.Stages = append(info.Stages, event.StageInfo{
			Name: stage.Name, PluginDigest: l.digests[stage.Component.Plugin],
		})
	}
	var err error
	if info.Sealed, err = x.sealed(); err != nil {
		return info, err
	}
	if x.on != nil {
		info.Snapshot = x.on.run.Snapshot
		return info, nil
	}
	info.Snapshot, err = keepSnapshot(ctx, x.store.Blobs(), l)
	return info, err
}

// begun is what is known of the run before it is recorded.
func (x execution) begun() event.Run {
	l := x.loaded
	return event.Run{
		Pipeline: l.Pipeline.Name, Root: l.Pipeline.Root, Actor: x.starter(), Commit: l.facts.Commit, Ref: l.facts.Ref, Clean: l.facts.Clean,
		Repository: l.facts.Repository, Runner: Version, Trigger: x.trigger, PushedTo: x.source,
	}
}

// keepSnapshot stores what the pipeline was loaded from.
func keepSnapshot(ctx context.Context, blobs runstate.Blobs, l *loaded) (string, error) {
	data, err := l.source.Snapshot()
	if err != nil {
		return "", err
	}
	digest, _, err := blobs.Put(ctx, bytes.NewReader(data))
	if err != nil {
		return "", fmt.Errorf("keep the pipeline: %w", err)
	}
	return digest, nil
}

// sealed are keyed hashes of the sensitive variables, so that a run that goes
// on can tell whether it is given the same.
func (x execution) sealed() (map[string]string, error) {
	var out map[string]string
	for _, v := range x.loaded.Variables {
		if !v.Value.ContainsMarked() {
			continue
		}
		sealer, err := x.session.sealer()
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = make(map[string]string)
		}
		out[v.Name] = sealer.Seal(x.id, v.Name, plainJSON(v.Value))
	}
	return out, nil
}

// sealer has the key of the state folder.
func (s *session) sealer() (*seal.Sealer, error) {
	sealer, err := seal.Open(s.path("keys", "inputs.key"))
	if err != nil {
		return nil, usage(err)
	}
	return sealer, nil
}

// plainJSON is a value without its marks, with its type.
func plainJSON(v cty.Value) string {
	bare, _ := v.UnmarkDeep()
	data, err := ctyjson.Marshal(bare, cty.DynamicPseudoType)
	if err != nil {
		return "" // it is wholly known, so that it has a form
	}
	return string(data)
}
