package runstate_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// shelf is a store with runs in memory; it counts what is read.
type shelf struct {
	runstate.Store
	runs        map[string][]event.Event
	first, read int
}

func (s *shelf) List(context.Context) ([]string, error) {
	var ids []string
	for id := range s.runs {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids, nil
}

func (s *shelf) First(_ context.Context, id string) (event.Event, error) {
	s.first++
	if len(s.runs[id]) == 0 {
		return event.Event{}, runstate.ErrNotFound
	}
	return s.runs[id][0], nil
}

func (s *shelf) Read(_ context.Context, id string) (runstate.History, error) {
	s.read++
	return runstate.History{Events: s.runs[id]}, nil
}

func (s *shelf) put(day int, of event.Run, end event.Status, stages map[string]event.Event) string {
	id := fmt.Sprintf("202611%02d-120000-aaaa", day)
	events := []event.Event{{Type: event.RunStarted, RunID: id, Run: &of}}
	for name, e := range stages {
		e.Stage = name
		events = append(events, e)
	}
	if end != runstate.Interrupted {
		events = append(events, event.Event{Type: event.RunFinished, Finish: finish(end)})
	}
	s.runs[id] = events
	return id
}

func ended(s event.Status) event.Event {
	return event.Event{Type: event.StageFinished, Finish: finish(s)}
}

const today = "20261125-150000-zzzz"

func TestEarlier(t *testing.T) {
	t.Parallel()
	digits := event.Run{Pipeline: "digits", Repository: "https://git.example/digits", Root: "/a", Ref: "refs/heads/main"}
	elsewhere, topic, other := digits, digits, digits
	elsewhere.Root, topic.Ref, other.Pipeline = "/checkouts/1", "refs/heads/topic", "letters"
	both := map[string]event.Event{"test": ended(event.Failed), "lint": ended(event.Succeeded)}
	tests := map[string]struct {
		put  func(s *shelf) (want string)
		want event.Status
	}{
		"nothing before": {func(*shelf) string { return "" }, ""},
		"the newest one, of another checkout": {func(s *shelf) string {
			s.put(1, digits, event.Succeeded, both)
			return s.put(2, elsewhere, event.Failed, both)
		}, event.Failed},
		"another pipeline, another branch, another repository": {func(s *shelf) string {
			s.put(1, other, event.Succeeded, both)
			s.put(2, topic, event.Succeeded, both)
			s.put(3, event.Run{Pipeline: "digits", Root: "/a", Ref: digits.Ref}, event.Succeeded, both)
			return ""
		}, ""},
		"cancelled, interrupted, empty, and newer ones do not count": {func(s *shelf) string {
			want := s.put(1, digits, event.Denied, both)
			s.put(2, digits, event.Cancelled, both)
			s.put(3, digits, runstate.Interrupted, both)
			s.runs["20261104-120000-aaaa"] = nil
			s.put(28, digits, event.Succeeded, both)
			return want
		}, event.Failed},
		"one without the stages is passed over": {func(s *shelf) string {
			want := s.put(1, digits, event.Failed, both)
			s.put(2, digits, event.Failed, map[string]event.Event{"test": ended(event.Succeeded)})
			return want
		}, event.Failed},
		"a stage that was skipped for another has its outcome": {func(s *shelf) string {
			return s.put(1, digits, event.Denied, map[string]event.Event{
				"test": {Type: event.StageSkipped, Unmet: true, Because: event.Denied}, "lint": {Type: event.StageSkipped, Reason: "when"},
			})
		}, event.Denied},
		"what was stopped did not succeed": {func(s *shelf) string {
			return s.put(1, digits, event.Failed, map[string]event.Event{"test": ended(event.Cancelled), "lint": ended(event.Succeeded)})
		}, event.Failed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{runs: make(map[string][]event.Event)}
			want := tt.put(s)
			last, err := runstate.NewEarlier(s, today).Last(t.Context(), digits, []string{"test", "lint"})
			switch {
			case err != nil:
				t.Fatal(err)
			case last == nil && want != "" || last != nil && last.ID != want:
				t.Fatalf("last = %+v, want %q", last, want)
			case last != nil && (last.Stage("test").Outcome() != tt.want || last.Stage("lint").Outcome() != event.Succeeded):
				t.Errorf("outcomes %q, %q", last.Stage("test").Outcome(), last.Stage("lint").Outcome())
			}
		})
	}
}

// TestEarlierIsBounded looks for what is not there among thousands of runs, and
// reads nothing twice.
func TestEarlierIsBounded(t *testing.T) {
	t.Parallel()
	digits := event.Run{Pipeline: "digits", Root: "/a"}
	for name, tt := range map[string]struct {
		pipeline    string
		first, read int
	}{"of other pipelines": {"letters", 1000, 0}, "of this one, cancelled": {"digits", 50, 50}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &shelf{runs: make(map[string][]event.Event)}
			for i := range 5000 {
				id := runstate.NewID(time.Date(2025, 1, 1, 0, 0, i, 0, time.UTC))
				s.runs[id] = []event.Event{
					{Type: event.RunStarted, RunID: id, Run: &event.Run{Pipeline: tt.pipeline, Root: "/a"}},
					{Type: event.RunFinished, Finish: finish(event.Cancelled)},
				}
			}
			e := runstate.NewEarlier(s, today)
			for range 3 {
				if last, err := e.Last(t.Context(), digits, []string{"test"}); last != nil || err != nil {
					t.Fatalf("last = %+v, %v", last, err)
				}
			}
			if s.first != tt.first || s.read != tt.read {
				t.Errorf("%d first records and %d journals were read, want %d and %d", s.first, s.read, tt.first, tt.read)
			}
		})
	}
}
