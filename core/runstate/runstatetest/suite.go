// Package runstatetest is the conformance suite of run stores: every
// implementation passes it.
package runstatetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// Run runs the suite. Open gives the same store each time it is called within
// one test, as another process would see it; tests have a store each.
func Run(t *testing.T, newStore func(t *testing.T) (open func() runstate.Store)) {
	t.Helper()
	tests := map[string]func(*testing.T, func() runstate.Store){
		"events come back in order":       eventsInOrder,
		"several events at once":          severalAtOnce,
		"notes keep their place":          notes,
		"concurrent appends":              concurrentAppends,
		"one writer":                      oneWriter,
		"writing goes on after opening":   reopen,
		"nothing is written after close":  closed,
		"list is newest first":            list,
		"what is not there is not found":  notFound,
		"the first event":                 first,
		"logs":                            logs,
		"log names do not escape or meet": hostileNames,
		"an ended context writes nothing": endedContext,
		"a run shows when it is written":  live,
		"a run is stopped from elsewhere": stop,
		"only a live run is stopped":      stopDead,
		"a request waits for its reader":  stopUnread,
		"blobs":                           blobs,
		"blobs are stored whole":          brokenBlob,

		"votes are kept beside a run":                            votes,
		"a group holds one stage at a time, first come first in": groupInOrder,
		"two stages of one run in a group take turns":            groupOfOneRun,
		"whoever gives up waiting is in nobody's way":            groupGivenUp,
		"a run that has ended holds no group":                    groupOfDeadRun,
		"groups of any name do not meet":                         groupNames,

		"results":                      results,
		"the latest result":            latest,
		"results are pruned":           pruned,
		"results of one stage are few": shelves,
		"results have one secret":      secret,
		"concurrent results":           concurrentResults,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t))
		})
	}
}

// Event is an event for tests.
func Event(n int) event.Event {
	return event.Event{
		Type: event.StageFinished, Time: time.Date(2026, 11, 23, 15, 42, n, 0, time.UTC), RunID: "r", Stage: fmt.Sprintf("s%d", n),
		Finish: &event.Finish{Status: event.Succeeded, Duration: 1.5, Outputs: []byte(`{"a":"<b>&\u2028"}`)},
	}
}

func events(n int) []event.Event {
	out := make([]event.Event, n)
	for i := range out {
		out[i] = Event(i)
	}
	return out
}

func create(t *testing.T, s runstate.Store) runstate.Run {
	t.Helper()
	r, err := s.Create(t.Context(), runstate.NewID(time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func appendAll(t *testing.T, r runstate.Run, list ...event.Event) {
	t.Helper()
	if err := r.Append(t.Context(), list...); err != nil {
		t.Fatal(err)
	}
}

// notes stand in order between appended events, also when nothing follows them.
func notes(t *testing.T, open func() runstate.Store) {
	s := open()
	r := create(t, s)
	appendAll(t, r, Event(0))
	for i := 1; i < 3; i++ {
		if err := r.Note(t.Context(), Event(i)); err != nil {
			t.Fatal(err)
		}
	}
	appendAll(t, r, Event(3))
	if err := r.Note(t.Context(), Event(4)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(events(5), read(t, open(), r.ID()).Events); diff != "" {
		t.Errorf("before the end (-want +got):\n%s", diff)
	}
	closeRun(t, r)
	if diff := cmp.Diff(events(5), read(t, open(), r.ID()).Events); diff != "" {
		t.Errorf("after the end (-want +got):\n%s", diff)
	}
}

func closeRun(t *testing.T, r runstate.Run) {
	t.Helper()
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s runstate.Store, id string) runstate.History {
	t.Helper()
	h, err := s.Read(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func eventsInOrder(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	if !runstate.ValidID(r.ID()) {
		t.Errorf("id %q has not the form of an id", r.ID())
	}
	for _, e := range events(20) {
		appendAll(t, r, e)
	}
	// A reader sees what Append has returned for, without waiting for a close.
	if diff := cmp.Diff(events(20), read(t, open(), r.ID()).Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func severalAtOnce(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	appendAll(t, r)
	appendAll(t, r, events(5)...)
	if diff := cmp.Diff(events(5), read(t, open(), r.ID()).Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func concurrentAppends(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	const writers, each = 16, 20
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range each {
				a, b := Event(i), Event(i)
				a.Stage, a.Attempt, b.Stage, b.Attempt = fmt.Sprint(w), 2*i, fmt.Sprint(w), 2*i+1
				if err := r.Append(t.Context(), a, b); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	h := read(t, open(), r.ID())
	if len(h.Events) != writers*each*2 {
		t.Fatalf("%d events, want %d", len(h.Events), writers*each*2)
	}
	last := make(map[string]int)
	for i, e := range h.Events {
		if next := last[e.Stage]; e.Attempt != next {
			t.Fatalf("writer %s: event %d comes where %d should", e.Stage, e.Attempt, next)
		}
		last[e.Stage]++
		if e.Attempt%2 == 1 && (h.Events[i-1].Stage != e.Stage || h.Events[i-1].Attempt != e.Attempt-1) {
			t.Fatalf("events of one append were separated at %d", i)
		}
	}
}

func oneWriter(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	if _, err := open().Open(t.Context(), r.ID()); !errors.Is(err, runstate.ErrRunning) {
		t.Errorf("Open of a run that is written = %v, want ErrRunning", err)
	}
	for _, id := range []string{r.ID(), "", "..", "../x", "20261123-154210-K3X9"} {
		if _, err := open().Create(t.Context(), id); err == nil {
			t.Errorf("Create of a run with the id %q works", id)
		}
	}
}

func reopen(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	appendAll(t, r, events(2)...)
	closeRun(t, r)
	again, err := open().Open(t.Context(), r.ID())
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, again, Event(2))
	closeRun(t, again)
	if diff := cmp.Diff(events(3), read(t, open(), r.ID()).Events); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func closed(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	closeRun(t, r)
	closeRun(t, r)
	if err := r.Append(t.Context(), Event(0)); !errors.Is(err, runstate.ErrClosed) {
		t.Errorf("Append after Close = %v, want ErrClosed", err)
	}
}

func list(t *testing.T, open func() runstate.Store) {
	s := open()
	var want []string
	for range 5 {
		want = append(want, create(t, s).ID())
	}
	slices.Sort(want)
	slices.Reverse(want)
	got, err := open().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("list (-want +got):\n%s", diff)
	}
}

func notFound(t *testing.T, open func() runstate.Store) {
	s := open()
	r := create(t, s)
	for _, id := range []string{"20000101-000000-aaaa", "", ".", "..", "../runs", "x/y", strings.Repeat("a", 5000)} {
		if _, err := s.Read(t.Context(), id); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("Read(%.20q) = %v, want ErrNotFound", id, err)
		}
		if _, err := s.Open(t.Context(), id); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("Open(%.20q) = %v, want ErrNotFound", id, err)
		}
		if _, err := s.Log(t.Context(), id, "s", 1); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("Log(%.20q) = %v, want ErrNotFound", id, err)
		}
	}
	if _, err := s.Log(t.Context(), r.ID(), "s", 1); !errors.Is(err, runstate.ErrNotFound) {
		t.Errorf("Log of a stage that wrote nothing = %v, want ErrNotFound", err)
	}
}

func first(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	for _, id := range []string{r.ID(), "20000101-000000-aaaa", ".."} {
		if _, err := open().First(t.Context(), id); !errors.Is(err, runstate.ErrNotFound) {
			t.Errorf("First(%s) = %v, want ErrNotFound", id, err)
		}
	}
	appendAll(t, r, events(3)...)
	e, err := open().First(t.Context(), r.ID())
	if diff := cmp.Diff(Event(0), e); diff != "" || err != nil {
		t.Errorf("First: %v (-want +got):\n%s", err, diff)
	}
}

func readLog(t *testing.T, s runstate.Store, id, stage string, attempt int) string {
	t.Helper()
	f, err := s.Log(t.Context(), id, stage, attempt)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func writeLog(t *testing.T, r runstate.Run, stage string, attempt int, parts ...string) {
	t.Helper()
	w, err := r.StageLog(stage, attempt)
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range parts {
		if _, err := io.WriteString(w, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

func logs(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	writeLog(t, r, "train", 1, "one\n", "", "two\x00\xff")
	writeLog(t, r, "train", 2, "again")
	writeLog(t, r, "train", 1, "three")
	if got, want := readLog(t, open(), r.ID(), "train", 1), "one\ntwo\x00\xffthree"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
	if got, want := readLog(t, open(), r.ID(), "train", 2), "again"; got != want {
		t.Errorf("log = %q, want %q", got, want)
	}
}

func hostileNames(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	names := []string{"a", "A", "a.1", "a%2e1", "../journal.jsonl", "..", "/etc/passwd", `m["k"]`, "ünïcode", "a\x00b"}
	for _, name := range names {
		writeLog(t, r, name, 1, "log of "+name)
	}
	for _, name := range names {
		if got, want := readLog(t, open(), r.ID(), name, 1), "log of "+name; got != want {
			t.Errorf("log of %q = %q", name, got)
		}
	}
}

func endedContext(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("enough")
	cancel(why)
	if err := r.Append(ctx, Event(0)); !errors.Is(err, why) {
		t.Errorf("Append = %v, want the cause", err)
	}
	if h := read(t, open(), r.ID()); len(h.Events) != 0 {
		t.Errorf("%d events were written", len(h.Events))
	}
}

func live(t *testing.T, open func() runstate.Store) {
	r := create(t, open())
	appendAll(t, r, Event(0))
	if !read(t, open(), r.ID()).Live {
		t.Error("a run that is written is not live")
	}
	closeRun(t, r)
	if read(t, open(), r.ID()).Live {
		t.Error("a run that nobody writes is live")
	}
}
