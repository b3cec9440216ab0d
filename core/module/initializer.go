package module

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// Initializer pins sources as they are met, and fetches them. Use it from one
// goroutine.
type Initializer struct {
	o     InitializerOptions
	used  map[string]Pin
	where map[string]string // folders by source
}

// InitializerOptions are what an Initializer needs.
type InitializerOptions struct {
	Store *Store
	Lock  *Lock // what is pinned already
	// Upgrade pins everything anew.
	Upgrade bool
	// Progress hears of each source before it is asked for.
	Progress func(source string)
}

// NewInitializer pins sources.
func NewInitializer(o InitializerOptions) *Initializer {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	return &Initializer{o: o, used: make(map[string]Pin), where: make(map[string]string)}
}

// Folder is the folder of a source. What is pinned stays so, unless everything
// is upgraded.
func (i *Initializer) Folder(ctx context.Context, text string) (string, error) {
	source, err := Parse(text)
	if err != nil {
		return "", fmt.Errorf("the source is refused: %w", err)
	}
	key := source.String()
	if dir, ok := i.where[key]; ok {
		return dir, nil
	}
	pin, dir, err := i.pin(ctx, source)
	if err != nil {
		return "", fmt.Errorf("fetch %s: %w", key, err)
	}
	i.used[key], i.where[key] = pin, dir
	return dir, nil
}

func (i *Initializer) pin(ctx context.Context, source Source) (Pin, string, error) {
	old, pinned := i.o.Lock.Pins[source.String()]
	if pinned && !i.o.Upgrade {
		p := NewPinned(PinnedOptions{Store: i.o.Store, Lock: i.o.Lock, Fetch: true})
		dir, err := p.folder(ctx, source, old)
		return old, dir, err
	}
	i.o.Progress(source.String())
	ref, commit, err := i.o.Store.Resolve(ctx, source)
	if err != nil {
		return Pin{}, "", err
	}
	digest, err := i.o.Store.Fetch(ctx, source, commit)
	if err != nil {
		return Pin{}, "", err
	}
	dir, err := i.o.Store.Folder(digest)
	return Pin{Ref: ref, Commit: commit, Digest: digest}, dir, err
}

// Lock is what is pinned now: the sources that were met, and nothing else.
func (i *Initializer) Lock() *Lock {
	return &Lock{Pins: maps.Clone(i.used), others: i.o.Lock.others}
}

// Change is what an initialization did to one source.
type Change struct {
	Source string `json:"source"`
	Ref    string `json:"ref,omitempty"`
	// Action is added, kept, upgraded or removed.
	Action string `json:"action"`
	Commit string `json:"commit,omitempty"` // now
	Before string `json:"before,omitempty"` // commit that was pinned
	Digest string `json:"digest,omitempty"`
}

// The actions of a Change.
const (
	Added    = "added"
	Kept     = "kept"
	Upgraded = "upgraded"
	Removed  = "removed"
)

// Changes are those of all sources, sorted.
func (i *Initializer) Changes() []Change {
	var out []Change
	all := maps.Clone(i.o.Lock.Pins)
	maps.Copy(all, i.used)
	for _, source := range slices.Sorted(maps.Keys(all)) {
		old, was := i.o.Lock.Pins[source]
		now, is := i.used[source]
		c := Change{Source: source, Ref: now.Ref, Commit: now.Commit, Before: old.Commit, Digest: now.Digest}
		switch {
		case !is:
			c.Action = Removed
		case !was:
			c.Action = Added
		case old == now:
			c.Action = Kept
		default:
			c.Action = Upgraded
		}
		out = append(out, c)
	}
	return out
}
