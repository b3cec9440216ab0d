package runstate

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/stagegate/stagegate/core/event"
)

// How far back Earlier looks: so many runs of any pipeline, of which only the
// first record is read, and so many of those that it looks for, of which all is.
const (
	maxLooked   = 1000
	maxReplayed = 50
)

// Earlier finds runs before one, of the same pipeline, repository and ref. It
// reads no journal before it is asked, and none twice.
type Earlier struct {
	store  Store
	before string

	mu     sync.Mutex
	ids    []string // not looked at yet, newest first
	listed bool
	looked int
	found  []*RunState // that have come to an end, newest first
	read   int
}

// NewEarlier looks from a run backwards.
func NewEarlier(store Store, run string) *Earlier { return &Earlier{store: store, before: run} }

// Last is the newest run before this one, of the pipeline, repository and ref
// of the given one, that came to an end which nobody had asked for, and in which
// all of the stages have an outcome. It is nil when there is none as far back as
// is looked. What cannot be read, or has been changed, is passed over.
func (e *Earlier) Last(ctx context.Context, of event.Run, stages []string) (*RunState, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := 0; ; i++ {
		if i == len(e.found) {
			more, err := e.next(ctx, of)
			if err != nil || !more {
				return nil, err
			}
		}
		run := e.found[i]
		if !slices.ContainsFunc(stages, func(name string) bool {
			s := run.Stage(name)
			return s == nil || s.Outcome() == ""
		}) {
			return run, nil
		}
	}
}

// next finds one more run. It reports false when there is none.
func (e *Earlier) next(ctx context.Context, of event.Run) (bool, error) {
	if !e.listed {
		ids, err := e.store.List(ctx)
		if err != nil {
			return false, fmt.Errorf("look for earlier runs: %w", err)
		}
		e.ids, e.listed = slices.DeleteFunc(ids, func(id string) bool { return id >= e.before }), true
	}
	for len(e.ids) > 0 && e.looked < maxLooked && e.read < maxReplayed {
		if err := context.Cause(ctx); err != nil {
			return false, fmt.Errorf("look for earlier runs: %w", err)
		}
		id := e.ids[0]
		e.ids = e.ids[1:]
		e.looked++
		first, err := e.store.First(ctx, id)
		if err != nil || first.Run == nil || !samePipeline(*first.Run, of) {
			continue
		}
		e.read++
		history, err := e.store.Read(ctx, id)
		if state := Replay(history); err == nil && CameToAnEnd(state.Status) {
			e.found = append(e.found, state)
			return true, nil
		}
	}
	return false, nil
}

// samePipeline compares by repository, and by folder outside of one. A push whose
// pipeline could not even be read has no name of one: what counts is where to.
func samePipeline(a, b event.Run) bool {
	if pushed := a.PushedTo != "" && a.PushedTo == b.PushedTo; pushed && (a.Pipeline == "" || b.Pipeline == "") {
		return a.Ref == b.Ref
	}
	return a.Pipeline == b.Pipeline && a.Ref == b.Ref &&
		cmp.Or(a.Repository, a.PushedTo, a.Root) == cmp.Or(b.Repository, b.PushedTo, b.Root)
}

// CameToAnEnd is not so when somebody stopped the run, or the runner died.
func CameToAnEnd(s event.Status) bool {
	switch s {
	case event.Succeeded, event.Failed, event.Errored, event.Denied:
		return true
	default:
		return false
	}
}
