package runstate

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
)

// FuzzReplay replays what may be no order that a runner writes in: it never
// panics, the same events give the same state, and a run that has not begun has
// no state but the stages that are spoken of.
func FuzzReplay(f *testing.F) {
	f.Add([]byte(`{"type":"run_started","run_id":"r","run":{"stages":[{"name":"a"}]}}`+"\n"+`{"type":"stage_started","stage":"a","attempt":1}`), true)
	f.Fuzz(func(t *testing.T, data []byte, live bool) {
		var h History
		h.Live = live
		for line := range bytes.Lines(data) {
			var e event.Event
			if json.Unmarshal(line, &e) == nil {
				h.Events = append(h.Events, e)
			}
		}
		first, second := Replay(h), Replay(h)
		// Durations and unfinished work are derived from it, and printed.
		first.Unfinished()
		first.Duration(first.Ended)
		a, err := json.Marshal(first)
		if err != nil {
			t.Fatal(err)
		}
		b, err := json.Marshal(second)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(a), string(b)); diff != "" {
			t.Errorf("the same events gave another state:\n%s", diff)
		}
		seen := make(map[string]bool)
		for _, s := range first.Stages {
			if seen[s.Name] {
				t.Errorf("stage %q is there twice", s.Name)
			}
			seen[s.Name] = true
			if first.Stage(s.Name) != s {
				t.Errorf("stage %q is not found by its name", s.Name)
			}
			s.Outcome()
		}
	})
}
