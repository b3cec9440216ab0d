package app

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/stagegate/stagegate/core/cache"
	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/operator"
	"github.com/stagegate/stagegate/core/runstate"
)

// What is kept in the cache where the operator says nothing.
const (
	cachedResults = 5000
	cachedFor     = 90 * 24 * time.Hour
	pruneEvery    = time.Hour
)

// cacheOf is the cache of a pipeline for runs of one origin, or nil when the
// operator has switched it off.
func (a *app) cacheOf(s *session, store runstate.Store, l *loaded, origin cacheOrigin) (engine.Cache, error) {
	return a.cacheIn(s, store.Results(), store.Blobs(), l, origin)
}

func (a *app) cacheIn(s *session, results runstate.Results, blobs runstate.Blobs, l *loaded, origin cacheOrigin) (engine.Cache, error) {
	if s.operator.Cache.Off {
		return nil, nil //nolint:nilnil // no cache is no error, and the engine's own word for it
	}
	c, err := cache.New(cache.Options{
		Results: results, Blobs: blobs, Root: l.Pipeline.Root, Plugins: l.digests,
		Scope: cache.Scope{
			Repository: cmp.Or(origin.repository, l.facts.Repository), Pipeline: l.Pipeline.Name, Ref: origin.ref,
		},
		Environ: a.commandVariables(s.operator), Refresh: origin.refresh,
	})
	if err != nil {
		return nil, fmt.Errorf("open the cache: %w", err)
	}
	return c, nil
}

// cacheOrigin says where a run comes from.
type cacheOrigin struct {
	repository string // that a commit was pushed to; empty means what git says
	ref        string // that was pushed; empty for a run by hand
	refresh    bool   // run everything
}

// commandVariables are the variables of this process that may change what a
// command does: which programs it finds, how they write numbers, names and
// times, and all that the operator passes on. Who runs it, and where their home
// is, does not count.
func (a *app) commandVariables(o *operator.Config) map[string]string {
	out := make(map[string]string)
	for _, name := range slices.Concat([]string{"PATH", "LANG", "LC_ALL", "TZ"}, o.PassEnv) {
		if value, ok := a.lookupEnv(name); ok {
			out[name] = value
		}
	}
	return out
}

// pruneCache keeps the cache within its limits, now and then.
func (a *app) pruneCache(s *session, store runstate.Store) {
	limits := cacheLimits(s.operator)
	limits.Every = pruneEvery
	if _, err := store.Results().Prune(limits); err != nil {
		a.complain(err) // no run is worse for it
	}
}

// cacheLimits bound what is kept.
func cacheLimits(o *operator.Config) runstate.ResultLimits {
	return runstate.ResultLimits{
		Count: cmp.Or(o.Cache.Results, cachedResults), Age: cmp.Or(o.Cache.Age, cachedFor), Now: now(),
	}
}
