package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// lookup is the answer for one stage at one moment.
type lookup struct {
	cache *Cache
	query engine.CacheQuery
	never string   // why the stage is never taken from the cache
	why   []string // why it is not now
	key   string
	// inputs are all that the key is made of; files are those among them that lie
	// in the work folder, as they were looked at.
	inputs []runstate.ResultInput
	files  []seen
	found  *runstate.Result // as it is kept
	result *engine.FoundResult
}

// Found is the result to take over.
func (l *lookup) Found() *engine.FoundResult { return l.result }

// Cacheable reports whether the result will be kept.
func (l *lookup) Cacheable() bool { return l.never == "" }

// Why says why nothing was found.
func (l *lookup) Why() []string {
	switch {
	case l.result != nil:
		return nil
	case l.never != "":
		return []string{l.never}
	}
	return l.why
}

// find looks for a whole result with the key, and says what has changed when
// there is none.
func (l *lookup) find(ctx context.Context, root *os.Root) {
	stage := l.query.Stage.Name
	found, err := l.cache.o.Results.Find(l.cache.scope, stage, l.key)
	var damaged *runstate.DamagedError
	switch {
	case errors.As(err, &damaged):
		l.why = []string{"the last result is damaged: " + damaged.Reason}
		return
	case errors.Is(err, runstate.ErrNotFound):
		l.why = l.explain()
		return
	case err != nil:
		l.why = []string{err.Error()}
		return
	}
	if gone := l.incomplete(ctx, root, found); gone != "" {
		l.why = []string{gone}
		return
	}
	result, err := l.localResult(found)
	if err != nil {
		l.why = []string{"the last result cannot be read: " + err.Error()}
		return
	}
	l.found, l.result = found, result
}

// incomplete says what is missing of a result. Blobs are looked for here and
// checked when they are read.
func (l *lookup) incomplete(ctx context.Context, root *os.Root, r *runstate.Result) string {
	for _, a := range r.Artifacts {
		if digest, ok := strings.CutPrefix(a.Location, blobPrefix); ok && !l.cache.has(digest, a.Size) {
			return fmt.Sprintf("the last result is gone: artifact %s (%s) was removed", a.Name, digest)
		}
	}
	for _, a := range r.Attestations {
		for _, digest := range []string{a.Digest, a.EnvelopeDigest} {
			if digest != "" && !l.cache.has(digest, -1) {
				return fmt.Sprintf("the last result is gone: the statement %s was removed", digest)
			}
		}
	}
	for _, f := range r.Files {
		if !l.cache.has(f.Digest, f.Size) {
			return fmt.Sprintf("the last result is gone: the content of %s (%s) was removed", f.Path, f.Digest)
		}
		if f.Shared && l.cache.state(ctx, root, f) == differs {
			return f.Path + " was changed by others"
		}
	}
	return ""
}

// localResult is a kept result with the paths of this checkout.
func (l *lookup) localResult(r *runstate.Result) (*engine.FoundResult, error) {
	p := paths{l.cache.o.Root}
	outputs, err := p.outputs(r.Outputs, p.local)
	if err != nil {
		return nil, err
	}
	out := &engine.FoundResult{
		StageResult: engine.StageResult{Outputs: outputs, Report: r.Report, Attestations: r.Attestations},
		Cached:      event.Cached{Run: r.Run, Made: r.Made, Key: r.Key},
		Duration:    r.Duration,
	}
	for _, a := range r.Artifacts {
		a.Location = p.local(a.Location)
		out.Artifacts = append(out.Artifacts, a)
	}
	return out, nil
}

const blobPrefix = "blob:"

// has reports whether a blob is there, with the size when that is known.
func (c *Cache) has(digest string, size int64) bool {
	f, err := c.o.Blobs.Open(digest)
	if err != nil {
		return false
	}
	defer func() { _ = f.Close() }() // read only: nothing can be lost
	info, err := f.Stat()
	return err == nil && (size < 0 || info.Size() == size)
}

// Restore puts the files of what was found into the work folder.
func (l *lookup) Restore(ctx context.Context) error {
	if l.found == nil {
		return errors.New("restore files: there is no result")
	}
	root, err := os.OpenRoot(l.cache.o.Root)
	if err != nil {
		return fmt.Errorf("restore files: %w", err)
	}
	defer func() { _ = root.Close() }() // what was written is closed by itself
	for _, f := range l.found.Files {
		if err := l.cache.restore(ctx, root, f); err != nil {
			return fmt.Errorf("restore %s: %w", f.Path, err)
		}
	}
	return l.cache.o.Results.Use(l.cache.scope, l.query.Stage.Name, l.key)
}
