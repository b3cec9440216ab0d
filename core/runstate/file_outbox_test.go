package runstate_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/runstate"
)

// told is a store with one run, which is closed.
func told(t *testing.T) (*runstate.FileStore, string) {
	t.Helper()
	store, err := runstate.OpenFileStore(runstate.FileOptions{Home: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	id := runstate.NewID(time.Now())
	run, err := store.Create(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Close(); err != nil {
		t.Fatal(err)
	}
	return store, id
}

func TestOutboxKeepsLettersUntilTheyAreSettled(t *testing.T) {
	t.Parallel()
	store, id := told(t)
	box := store.Outbox()
	if ids, err := box.Expected(t.Context()); err != nil || len(ids) != 0 {
		t.Fatalf("an empty outbox has %v, %v", ids, err)
	}
	if _, err := box.Open(t.Context(), id); !errors.Is(err, runstate.ErrNotFound) {
		t.Fatalf("letters that nobody expects open with %v", err)
	}
	if err := box.Expect(t.Context(), id, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := box.Expect(t.Context(), id, []byte("second")); err != nil {
		t.Fatal(err)
	}
	letters, err := box.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(letters.Note()); got != "second" {
		t.Errorf("the note is %q", got)
	}
	if _, err := box.Open(t.Context(), id); !errors.Is(err, runstate.ErrRunning) {
		t.Errorf("letters that somebody has open with %v", err)
	}
	for _, text := range []string{"draft", "fair copy"} {
		if err := letters.Put("a", []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	all, err := letters.All()
	if diff := cmp.Diff(map[string][]byte{"a": []byte("fair copy")}, all); diff != "" || err != nil {
		t.Errorf("letters (-want +got): %s %v", diff, err)
	}
	if err := errors.Join(letters.Settle(t.Context()), letters.Close()); err != nil {
		t.Fatal(err)
	}
	if ids, err := box.Expected(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("a settled outbox has %v, %v", ids, err)
	}
}

// Somebody may expect more of the run while its letters are settled: that must
// not be forgotten.
func TestOutboxKeepsALaterExpectation(t *testing.T) {
	t.Parallel()
	store, id := told(t)
	box := store.Outbox()
	if err := box.Expect(t.Context(), id, []byte("first")); err != nil {
		t.Fatal(err)
	}
	letters, err := box.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if err := box.Expect(t.Context(), id, []byte("second")); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(letters.Settle(t.Context()), letters.Close()); err != nil {
		t.Fatal(err)
	}
	if ids, err := box.Expected(t.Context()); err != nil || len(ids) != 1 {
		t.Errorf("the outbox has %v, %v", ids, err)
	}
}

func TestOutboxRefuses(t *testing.T) {
	t.Parallel()
	store, id := told(t)
	box := store.Outbox()
	for _, run := range []string{"../" + id, "20261123-154210-k3x9"} {
		if err := box.Expect(t.Context(), run, nil); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("a note on %q: %v", run, err)
		}
		if _, err := box.Open(t.Context(), run); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("letters of %q: %v", run, err)
		}
	}
	if err := box.Expect(t.Context(), id, make([]byte, 1<<20)); err == nil {
		t.Error("a note of a megabyte is kept")
	}
	if err := box.Expect(t.Context(), id, nil); err != nil {
		t.Fatal(err)
	}
	letters, err := box.Open(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = letters.Close() }()
	for _, name := range []string{"", "../a", "a/b", ".a", strings.Repeat("a", 101)} {
		if err := letters.Put(name, nil); err == nil {
			t.Errorf("a letter named %q is kept", name)
		}
	}
	if err := letters.Put("a", make([]byte, 1<<20)); err == nil {
		t.Error("a letter of a megabyte is kept")
	}
}

// An expectation whose run somebody has removed is no reason to look for ever.
func TestOutboxForgetsRemovedRuns(t *testing.T) {
	t.Parallel()
	store, id := told(t)
	box := store.Outbox()
	if err := box.Expect(t.Context(), id, nil); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(filepath.Join(store.Home(), "runs", id)); err != nil {
		t.Fatal(err)
	}
	if _, err := box.Open(t.Context(), id); !errors.Is(err, runstate.ErrNotFound) {
		t.Errorf("letters of a removed run: %v", err)
	}
	if ids, err := box.Expected(t.Context()); err != nil || len(ids) != 0 {
		t.Errorf("the outbox has %v, %v", ids, err)
	}
}

func TestOutboxHasManyWriters(t *testing.T) {
	t.Parallel()
	store, id := told(t)
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			if err := store.Outbox().Expect(t.Context(), id, []byte("note")); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if ids, err := store.Outbox().Expected(t.Context()); err != nil || len(ids) != 1 {
		t.Errorf("the outbox has %v, %v", ids, err)
	}
}
