package opa

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// maxCached bounds the prepared policies of one process: a few pipelines with a
// few bundles each.
const maxCached = 16

// cache keeps prepared policies by digest: preparing costs ten times what
// evaluating does.
type cache struct {
	now func() time.Time

	mu    sync.Mutex
	known map[string]*policy
}

func newCache(now func() time.Time) *cache {
	return &cache{now: now, known: make(map[string]*policy)}
}

func (c *cache) get(ctx context.Context, files bundleFiles, chosen selection) (*policy, error) {
	digest := digestWith(files, chosen)
	c.mu.Lock()
	defer c.mu.Unlock() // two callers do not prepare the same policy twice
	if p, ok := c.known[digest]; ok {
		return p, nil
	}
	p, err := compile(ctx, files, chosen)
	if err != nil {
		return nil, err
	}
	p.identity.LoadedAt = c.now()
	if len(c.known) == maxCached {
		clear(c.known)
	}
	c.known[digest] = p
	return p, nil
}

// digestWith is the bundle's digest; parameters and groups are part of what is
// evaluated and change it.
func digestWith(files bundleFiles, chosen selection) string {
	digest, parameters := files.digest(), chosen.parameters
	if len(parameters) == 0 && chosen.groups == nil {
		return digest
	}
	h := sha256.New()
	_, _ = h.Write([]byte(digest)) // a hash takes everything
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		_, _ = fmt.Fprintf(h, " %d %s %d ", len(name), name, len(parameters[name]))
		_, _ = h.Write(parameters[name])
	}
	if chosen.groups != nil {
		_, _ = fmt.Fprintf(h, " groups %q", chosen.groups)
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}
