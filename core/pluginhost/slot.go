package pluginhost

import (
	"context"
	"fmt"
	"sync"

	"github.com/stagegate/stagegate/core/engine"
)

// slot holds the one process of a plugin. Whoever needs it first starts it;
// the others wait for that.
type slot struct {
	host *Host
	name string

	opening sync.Once
	binary  *binary
	openErr error

	mu       sync.Mutex
	current  *instance
	starting *start
	launches int
}

// start is a launch under way.
type start struct {
	done chan struct{}
	err  error
}

// open finds and verifies the plugin's file, once.
func (s *slot) open() (*binary, error) {
	s.opening.Do(func() {
		path, err := locate(s.name, s.host.dirs)
		if err != nil {
			s.openErr = err
			return
		}
		s.binary, s.openErr = openBinary(s.name, path, s.host.options.Digests[s.name])
	})
	return s.binary, s.openErr
}

// warm starts the process without anybody waiting for it. What goes wrong is
// said to the first who needs it.
func (s *slot) warm() {
	b, err := s.open()
	if err != nil {
		return
	}
	if p, _, _ := s.enter(b); p != nil { // an error comes again when it matters
		p.leave()
	}
}

// acquire gives the running process, and starts one when there is none. The
// caller leaves it when done. A caller that gives up does not take the launch
// away from the others.
func (s *slot) acquire(ctx context.Context) (*instance, error) {
	b, err := s.open()
	if err != nil {
		return nil, err
	}
	for {
		p, under, err := s.enter(b)
		if p != nil || err != nil {
			return p, err
		}
		select {
		case <-under.done:
			if under.err != nil {
				return nil, under.err
			}
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// enter counts the caller in at the running process, or says which launch to
// wait for.
func (s *slot) enter(b *binary) (*instance, *start, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current != nil && s.current.enter() {
		return s.current, nil, nil
	}
	if s.starting != nil {
		return nil, s.starting, nil
	}
	if err := context.Cause(s.host.live); err != nil {
		return nil, nil, err
	}
	if s.launches == s.host.limits.Launches {
		return nil, nil, &engine.PluginError{Plugin: s.name, Class: ClassCrashed, Err: fmt.Errorf(
			"it was started %d times in this run and did not last; it is not started again", s.launches)}
	}
	s.launches++
	s.starting = &start{done: make(chan struct{})}
	s.host.burials.Add(1)
	go s.launch(b, s.starting)
	return nil, s.starting, nil
}

func (s *slot) launch(b *binary, under *start) {
	defer s.host.burials.Done()
	p, err := s.host.launch(s.host.live, b)
	if err == nil {
		if cacheErr := s.host.cache.store(b.digest, p.described); cacheErr != nil {
			s.host.log.Debug("keep the description of a plugin", "plugin", s.name, "error", cacheErr)
		}
	}
	s.mu.Lock()
	if err == nil {
		s.current = p
	}
	under.err = err
	s.starting = nil
	s.mu.Unlock()
	close(under.done)
}

// close ends the process and waits until it is gone, at the longest until ctx
// ends. No new one is started: the host is closed.
func (s *slot) close(ctx context.Context) {
	s.mu.Lock()
	under := s.starting
	s.mu.Unlock()
	if under != nil {
		select {
		case <-under.done:
		case <-ctx.Done():
			return
		}
	}
	s.mu.Lock()
	p := s.current
	s.mu.Unlock()
	if p != nil {
		p.close(ctx)
	}
	s.opening.Do(func() { s.openErr = errClosed })
	if s.binary != nil {
		s.binary.close()
	}
}
