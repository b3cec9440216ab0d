package pluginhost

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/stagegate/stagegate/core/pluginhost/internal/proctree"
)

// Host runs plugins. It is safe for concurrent use. Its error about a plugin
// is an *engine.PluginError.
type Host struct {
	options Options
	limits  Limits
	redact  func(string) string
	log     *slog.Logger
	dirs    []string
	runtime *runtimeDir
	spawner *spawner
	cache   cache
	// live ends when the host closes; no launch outlives it.
	live    context.Context //nolint:containedctx // the lifetime of what the host starts, not of a call
	die     context.CancelCauseFunc
	burials sync.WaitGroup

	mu     sync.Mutex
	slots  map[string]*slot
	closed bool
}

// New makes a host and sweeps what dead runners have left behind. Close ends
// it; ctx bounds the sweep alone.
func New(ctx context.Context, o Options) (*Host, error) {
	dirs, err := searchDirs(o)
	if err != nil {
		return nil, err
	}
	h := &Host{
		options: o, limits: o.Limits.withDefaults(), redact: o.Redact, log: o.Logger,
		dirs: dirs, cache: cache{o.CacheDir}, slots: make(map[string]*slot),
	}
	if h.redact == nil {
		h.redact = func(s string) string { return s }
	}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	base := o.RuntimeDir
	if base == "" {
		base = defaultRuntimeBase(o.Environ)
	}
	bounded, cancel := context.WithTimeout(ctx, h.limits.Kill)
	defer cancel()
	if h.runtime, err = openRuntimeDir(bounded, base, h.log); err != nil {
		return nil, err
	}
	h.live, h.die = context.WithCancelCause(context.WithoutCancel(ctx))
	h.spawner = newSpawner()
	return h, nil
}

// slot is where the process of a plugin goes.
func (h *Host) slot(name string) (*slot, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return nil, errClosed
	}
	s, ok := h.slots[name]
	if !ok {
		s = &slot{host: h, name: name}
		h.slots[name] = s
	}
	return s, nil
}

// Warm starts plugins that are going to be needed, while their caller does
// something else.
func (h *Host) Warm(names ...string) {
	for _, name := range names {
		if s, err := h.slot(name); err == nil {
			h.burials.Go(s.warm)
		}
	}
}

// Close ends every plugin: it asks, waits for a moment, and kills. What they
// have started goes with them. It returns at the latest when ctx ends, and
// says what was left then.
func (h *Host) Close(ctx context.Context) error {
	h.mu.Lock()
	if h.closed {
		h.mu.Unlock()
		return nil
	}
	h.closed = true
	slots := h.slots
	h.mu.Unlock()
	h.die(errClosed)

	var ending sync.WaitGroup
	for _, s := range slots {
		ending.Go(func() { s.close(ctx) })
	}
	done := make(chan struct{})
	go func() {
		ending.Wait()
		h.burials.Wait()
		close(done)
	}()
	select {
	case <-done:
		h.spawner.close()
	case <-ctx.Done():
	}
	var errs []error
	if left := proctree.Kill(ctx, runnerMark(h.runtime.id)); len(left) > 0 {
		errs = append(errs, fmt.Errorf("end plugins: processes %v are still there", left))
	}
	return errors.Join(append(errs, h.runtime.close())...)
}
