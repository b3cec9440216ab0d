package cache

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
)

// Options are what a cache works with. Results, Blobs and Root are required.
type Options struct {
	Results runstate.Results
	Blobs   runstate.Blobs
	// Root is the pipeline's folder: names of files start there, and no file
	// outside is looked at.
	Root  string
	Scope Scope
	// Plugins are the digests of the plugins' binaries by name.
	Plugins map[string]string
	// Environ are the variables that may change what a command does, by name.
	Environ map[string]string
	// Refresh has everything executed; results are kept nevertheless.
	Refresh bool
	// Now is the time; nil means the clock's.
	Now func() time.Time
}

// Cache finds and keeps results for one pipeline. It may be used by several
// goroutines, and several runners may share one store.
type Cache struct {
	o      Options
	scope  string
	secret []byte
	sums   sums
	// assumed is empty but for plans.
	assumed assumed
}

var _ engine.Cache = (*Cache)(nil)

// New is a cache. It touches nothing of the pipeline.
func New(o Options) (*Cache, error) {
	if o.Results == nil || o.Blobs == nil || o.Root == "" {
		return nil, errors.New("make cache: Options need Results, Blobs and Root")
	}
	secret, err := o.Results.Secret()
	if err != nil {
		return nil, fmt.Errorf("make cache: %w", err)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Cache{o: o, scope: o.Scope.text(o.Root), secret: secret, sums: sums{known: make(map[string]sum), mu: new(sync.Mutex)}}, nil
}

// Look finds out whether a stage's result is known.
func (c *Cache) Look(ctx context.Context, q engine.CacheQuery) engine.Lookup {
	l := &lookup{cache: c, query: q}
	if l.never = never(q); l.never != "" {
		return l
	}
	root, err := os.OpenRoot(c.o.Root)
	if err != nil {
		l.never = "the pipeline's folder cannot be read: " + err.Error()
		return l
	}
	defer func() { _ = root.Close() }() // read only: nothing can be lost
	if err := l.fingerprint(ctx, root); err != nil {
		l.never = err.Error()
		return l
	}
	if c.o.Refresh {
		l.why = []string{"the cache was not to be used"}
		return l
	}
	l.find(ctx, root)
	return l
}

// never says why a stage is executed each time, whatever its inputs are.
func never(q engine.CacheQuery) string {
	s, in := q.Stage, q.Inputs
	kind := s.Schema.GetKind()
	switch {
	case kind != pluginv1.Kind_KIND_BUILDER && kind != pluginv1.Kind_KIND_TESTER:
		return "only builders and testers are taken from the cache"
	case s.NoCache:
		return "cache = false"
	case s.Run != pipeline.OnSuccess:
		return "it does not run on success alone"
	case s.Schema.GetEffect() != pluginv1.Effect_EFFECT_PURE:
		return s.Component.String() + " changes something outside"
	case q.After != "":
		return "it comes after " + pipeline.StageAddress(q.After) + ", which changes something outside"
	case in == nil:
		return s.Component.String() + " does not say what its result depends on"
	case !in.GetComplete() && in.GetReason() != "":
		return in.GetReason()
	case !in.GetComplete():
		return s.Component.String() + " does not know all that its result depends on"
	}
	for _, output := range s.Schema.GetOutputs() {
		if output.GetSensitive() {
			return fmt.Sprintf("its output %s is sensitive, and never stored", output.GetName())
		}
	}
	return ""
}
