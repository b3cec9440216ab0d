package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/stagegate/stagegate/core/config"
	"github.com/stagegate/stagegate/core/explain"
)

// writtenRun is a run's pipeline as it was written, and what its stages made.
type writtenRun struct {
	source *config.Source
	makers map[string]string // stages, by the digests of their artifacts
}

var _ explain.Pipeline = (*writtenRun)(nil)

// written reads the snapshot of a run's pipeline.
func (a *app) written(ctx context.Context, run *keptRun) (*writtenRun, error) {
	out := &writtenRun{makers: make(map[string]string)}
	for _, stage := range run.state.Stages {
		for _, artifact := range stage.Artifacts {
			out.makers[artifact.Digest] = stage.Name
		}
	}
	digest := run.state.Run.Snapshot
	if digest == "" {
		return out, nil
	}
	files, err := readBlob(run.store.Blobs(), digest)
	if err != nil {
		return nil, fmt.Errorf("read the pipeline of run %s: %w", run.state.ID, err)
	}
	s, err := a.session()
	if err != nil {
		return nil, err
	}
	path := nearby(run.state.Run.Root)
	// What is wrong with it was said before the run; it is only looked at.
	out.source, _ = config.Parse(config.Options{
		Path: path, RunnerVersion: Version, Snapshot: files, Modules: a.lockedModules(ctx, s, path, false),
	})
	return out, nil
}

// nearby is a path as somebody in the working folder would write it.
func nearby(path string) string {
	cwd, err := os.Getwd()
	if err != nil {
		return path
	}
	if relative, err := filepath.Rel(cwd, path); err == nil && filepath.IsLocal(relative) {
		return relative
	}
	return path
}

// Stage implements explain.Pipeline.
func (w *writtenRun) Stage(name string, words []string) (at hcl.Range, in string, ok bool) {
	if w.source == nil {
		return hcl.Range{}, "", false
	}
	return w.source.Find(name, words)
}

// Maker implements explain.Pipeline.
func (w *writtenRun) Maker(digest string) string { return w.makers[digest] }
