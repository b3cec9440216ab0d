package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/sdk/inputs"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Keep remembers a result, unless an input was written to while the stage ran:
// then nobody knows which content the result belongs to.
func (l *lookup) Keep(ctx context.Context, run string, made engine.MadeResult) error {
	if !l.Cacheable() {
		return errors.New(l.never)
	}
	root, err := os.OpenRoot(l.cache.o.Root)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	if err := l.untouched(ctx, root); err != nil {
		return err
	}
	q := l.query
	result := runstate.Result{
		Scope: l.cache.scope, Pipeline: l.cache.o.Scope.Pipeline, Stage: q.Stage.Name, Uses: q.Stage.Component.String(),
		Key: l.key, Run: run, Made: l.cache.o.Now().UTC(), Duration: made.Duration, Inputs: l.inputs,
		Report: made.Report, Attestations: made.Attestations,
	}
	p := paths{l.cache.o.Root}
	if result.Outputs, err = p.outputs(made.Outputs, p.portable); err != nil {
		return err
	}
	if result.Files, err = l.cache.keepFiles(ctx, root, made.Files); err != nil {
		return err
	}
	for _, a := range made.Artifacts {
		if err := l.cache.keptHere(a, result.Files); err != nil {
			return err
		}
		a.Location = p.portable(a.Location)
		result.Artifacts = append(result.Artifacts, a)
	}
	return l.cache.o.Results.Put(result)
}

// untouched looks at the inputs again: the same files must be there, as they
// were.
func (l *lookup) untouched(ctx context.Context, root *os.Root) error {
	for _, f := range l.files {
		ok, err := l.cache.sums.unchanged(ctx, root, f)
		if err != nil {
			return fmt.Errorf("its input %s cannot be read any more: %w", f.path, inputs.Plain(err))
		}
		if !ok {
			return fmt.Errorf("its input %s was written to while it ran", f.path)
		}
	}
	now, err := l.cache.names(ctx, root, l.query.Inputs.GetFiles())
	if err != nil {
		return err
	}
	before := make(map[string]bool, len(l.files))
	for _, f := range l.files {
		before[f.path] = true
	}
	for name := range now {
		if !before[name] {
			return fmt.Errorf("its input %s appeared while it ran", name)
		}
	}
	return nil
}

// keepFiles makes blobs of the files that the stage has left.
func (c *Cache) keepFiles(ctx context.Context, root *os.Root, files []*pluginv1.ResultFile) ([]runstate.ResultFile, error) {
	var out []runstate.ResultFile
	taken := make(map[string]bool)
	for _, f := range files {
		name := path.Clean(f.GetPath())
		if f.GetPath() == "" || len(name) > inputs.MaxName || !filepath.IsLocal(name) {
			return nil, fmt.Errorf("its file %.80q is not within the pipeline's folder", f.GetPath())
		}
		if taken[name] {
			continue
		}
		taken[name] = true
		kept, err := c.keepFile(ctx, root, name)
		if err != nil {
			return nil, fmt.Errorf("its file %s cannot be kept: %w", name, inputs.Plain(err))
		}
		kept.Shared = f.GetShared()
		out = append(out, kept)
	}
	return out, nil
}

// keepFile makes a blob of a file, where there is none yet. A link is refused:
// it would come back as a copy.
func (c *Cache) keepFile(ctx context.Context, root *os.Root, name string) (runstate.ResultFile, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return runstate.ResultFile{}, err
	}
	if !info.Mode().IsRegular() {
		return runstate.ResultFile{}, inputs.ErrNoRegular
	}
	s, err := c.sums.of(ctx, root, name)
	if err != nil {
		return runstate.ResultFile{}, err
	}
	kept := runstate.ResultFile{Path: name, Digest: s.hash, Size: s.size, Executable: s.executable}
	if c.has(s.hash, s.size) {
		return kept, nil
	}
	f, err := root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return runstate.ResultFile{}, err
	}
	digest, _, err := c.o.Blobs.Put(ctx, f)
	if err := errors.Join(err, f.Close()); err != nil {
		return runstate.ResultFile{}, err
	}
	if digest != s.hash {
		return runstate.ResultFile{}, errWritten
	}
	return kept, nil
}

// keptHere refuses an artifact whose content this store does not have: nobody
// would notice that it is gone.
func (c *Cache) keptHere(a event.Artifact, files []runstate.ResultFile) error {
	if digest, ok := strings.CutPrefix(a.Location, blobPrefix); ok && digest == a.Digest && c.has(digest, a.Size) {
		return nil
	}
	if place, ok := strings.CutPrefix(a.Location, layoutPrefix); ok {
		folder, _, _ := strings.Cut(place, "@")
		rel, err := filepath.Rel(c.o.Root, folder)
		for _, f := range files {
			if err == nil && strings.HasPrefix(f.Path, path.Clean(filepath.ToSlash(rel))+"/") && f.Digest == a.Digest {
				return nil
			}
		}
	}
	return fmt.Errorf("its artifact %s is kept elsewhere, at %s", a.Name, a.Location)
}
