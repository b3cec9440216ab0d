package module_test

import (
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/module"
)

// initialize pins sources, and gives the lock as it would be read again.
func initialize(t *testing.T, store *module.Store, lock *module.Lock, upgrade bool, sources ...string) (*module.Lock, []module.Change, error) {
	t.Helper()
	i := module.NewInitializer(module.InitializerOptions{Store: store, Lock: lock, Upgrade: upgrade})
	for _, s := range sources {
		if _, err := i.Folder(t.Context(), s); err != nil {
			return nil, nil, err
		}
	}
	again, err := module.ReadLock(lockIn(t, string(i.Lock().Bytes())))
	if err != nil {
		t.Fatal(err)
	}
	return again, i.Changes(), nil
}

func emptyLock() *module.Lock { return &module.Lock{Pins: make(map[string]module.Pin)} }

func TestPinUpgradeAndMovedTag(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	one := r.commit(map[string]string{"main.hcl": "# one\n"})
	r.git("tag", "v1")
	source, main := r.source("?ref=v1").String(), r.source("?ref=main").String()
	store := newStore(t)
	lock, changes, err := initialize(t, store, emptyLock(), false, source, main, source)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 2 || changes[0].Action != module.Added || changes[1].Action != module.Added || lock.Pins[source].Ref != "refs/tags/v1" {
		t.Errorf("got %+v", changes)
	}
	two := r.commit(map[string]string{"main.hcl": "# two\n"})
	r.git("tag", "--force", "v1")

	// A moved tag changes nothing, also where the store is empty.
	kept, changes, err := initialize(t, newStore(t), lock, false, source, main)
	if err != nil || !cmp.Equal(kept.Pins, lock.Pins) || changes[0].Action != module.Kept || changes[0].Commit != one {
		t.Errorf("got %+v, %v", changes, err)
	}
	for name, fetch := range map[string]bool{"with the store": false, "fetched": true} {
		from := store
		if fetch {
			from = newStore(t)
		}
		dir, err := module.NewPinned(module.PinnedOptions{Store: from, Lock: lock, Fetch: fetch}).Folder(t.Context(), source)
		if err != nil || contents(t, dir)["main.hcl"] != "# one\n" {
			t.Errorf("%s: %v", name, err)
		}
	}

	// An upgrade moves the pin; a source that is not used any more goes.
	moved, changes, err := initialize(t, store, lock, true, source)
	if err != nil {
		t.Fatal(err)
	}
	want := []module.Change{
		{Source: main, Action: module.Removed, Before: one},
		{Source: source, Ref: "refs/tags/v1", Action: module.Upgraded, Commit: two, Before: one, Digest: moved.Pins[source].Digest},
	}
	if diff := cmp.Diff(want, changes); diff != "" || len(moved.Pins) != 1 {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestPinnedRefuses(t *testing.T) {
	t.Parallel()
	r := newRepository(t)
	commit := r.commit(map[string]string{"main.hcl": "# one\n"})
	source := r.source("").String()
	lock, _, err := initialize(t, newStore(t), emptyLock(), false, source)
	if err != nil {
		t.Fatal(err)
	}
	pinned := func(change func(*module.Pin), fetch bool) error {
		pin := lock.Pins[source]
		change(&pin)
		p := module.NewPinned(module.PinnedOptions{
			Store: newStore(t), Lock: &module.Lock{Pins: map[string]module.Pin{source: pin}}, Fetch: fetch,
		})
		_, err := p.Folder(t.Context(), source)
		return err
	}
	other := r.commit(map[string]string{"main.hcl": "# evil\n"})
	for name, tt := range map[string]struct {
		err  error
		want string
	}{
		"not fetched":           {pinned(func(*module.Pin) {}, false), "not in the store: run runner init"},
		"another commit":        {pinned(func(p *module.Pin) { p.Commit = other }, true), "somebody has changed the lock file"},
		"another digest":        {pinned(func(p *module.Pin) { p.Digest = digest }, true), "somebody has changed the lock file"},
		"a commit that is gone": {pinned(func(p *module.Pin) { p.Commit = strings.Repeat("0", 40) }, true), "git says"},
	} {
		if tt.err == nil || !strings.Contains(tt.err.Error(), tt.want) || !strings.Contains(tt.err.Error(), source) {
			t.Errorf("%s: %v, want %q", name, tt.err, tt.want)
		}
	}
	p := module.NewPinned(module.PinnedOptions{Store: newStore(t), Lock: lock, Fetch: true})
	if _, err := p.Folder(t.Context(), r.source("?ref=main").String()); err == nil || !strings.Contains(err.Error(), "not pinned in .stagegate.lock.hcl: run runner init") {
		t.Errorf("a source that nobody has pinned: %v", err)
	}
	if _, err := p.Folder(t.Context(), "git::https://a:canary@b/c"); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}

	// With the store, neither the repository nor the network is needed.
	store := newStore(t)
	if _, _, err := initialize(t, store, emptyLock(), false, r.source("?ref="+commit).String()); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(r.dir); err != nil {
		t.Fatal(err)
	}
	if _, err := module.NewPinned(module.PinnedOptions{Store: store, Lock: lock, Fetch: true}).Folder(t.Context(), source); err != nil {
		t.Errorf("offline: %v", err)
	}
	if _, _, err := initialize(t, store, lock, false, source); err != nil {
		t.Errorf("initialize offline: %v", err)
	}
	if _, _, err := initialize(t, store, lock, true, source); err == nil {
		t.Error("an upgrade without the repository")
	}
	if got := maps.Clone(lock.Pins); len(got) != 1 {
		t.Errorf("the lock has changed: %v", got)
	}
}
