package module

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// Pinned finds the folders of modules by what a lock pins. Each is verified
// once in its life, which is one command.
type Pinned struct {
	o PinnedOptions

	mu    sync.Mutex
	found map[string]string
}

// PinnedOptions are what a Pinned needs.
type PinnedOptions struct {
	Store *Store
	Lock  *Lock
	// Fetch puts what the store does not have into it.
	Fetch bool
}

// NewPinned finds modules.
func NewPinned(o PinnedOptions) *Pinned { return &Pinned{o: o, found: make(map[string]string)} }

// errInit is the remedy for most of what can be wrong with a pin.
var errInit = errors.New("run runner init")

// Folder is the folder of a source.
func (p *Pinned) Folder(ctx context.Context, text string) (string, error) {
	source, err := Parse(text)
	if err != nil {
		return "", fmt.Errorf("the source is refused: %w", err)
	}
	key := source.String()
	p.mu.Lock()
	defer p.mu.Unlock()
	if dir, ok := p.found[key]; ok {
		return dir, nil
	}
	pin, ok := p.o.Lock.Pins[key]
	if !ok {
		return "", fmt.Errorf("%s is not pinned in %s: %w, which finds the commit and writes it there", key, LockName, errInit)
	}
	dir, err := p.folder(ctx, source, pin)
	if err != nil {
		return "", fmt.Errorf("find %s at commit %.12s: %w", key, pin.Commit, err)
	}
	p.found[key] = dir
	return dir, nil
}

func (p *Pinned) folder(ctx context.Context, source Source, pin Pin) (string, error) {
	dir, err := p.o.Store.Folder(pin.Digest)
	if !errors.Is(err, ErrMissing) {
		return dir, err
	}
	if !p.o.Fetch {
		return "", fmt.Errorf("%w: %w, which fetches it", err, errInit)
	}
	return fetchPinned(ctx, p.o.Store, source, pin)
}

// fetchPinned fetches a commit and holds it to its digest.
func fetchPinned(ctx context.Context, store *Store, source Source, pin Pin) (string, error) {
	digest, err := store.Fetch(ctx, source, pin.Commit)
	if err != nil {
		return "", err
	}
	if digest != pin.Digest {
		return "", fmt.Errorf("its files have the digest %s, and the lock file pins %s: somebody has changed the lock file, or the repository gives other files for this commit; "+
			"find out which, and pin it again with runner init -upgrade", digest, pin.Digest)
	}
	return store.Folder(digest)
}
