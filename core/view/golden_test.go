package view_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares with testdata/name, or writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs; run go test -update if it should:\n%s", name, diff)
	}
}

// show has a view show a story.
func show(t *testing.T, o view.Options, story []event.Event) []byte {
	t.Helper()
	var out bytes.Buffer
	o.Out = &out
	v, err := view.New(o)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range story {
		v.Show(e)
	}
	v.Close()
	return out.Bytes()
}

func tail(stage string, attempt int) []byte {
	if stage == "accuracy" && attempt == 2 {
		return []byte(strings.Repeat("old line\n", 40) + "accuracy 0.91\n")
	}
	return nil
}

func TestViews(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]view.Options{
		"plain.golden":   {Format: view.Plain, Tail: tail},
		"auto.golden":    {Format: view.Auto, Tail: tail},
		"verbose.golden": {Format: view.Plain, Verbose: true, Tail: tail},
		"color.golden":   {Format: view.Plain, Color: true, Tail: tail},
		"json.golden":    {Format: view.JSON, Version: "0.1.0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := show(t, o, story())
			if !o.Color && bytes.ContainsRune(got, '\x1b') {
				t.Errorf("an escape code in %q", got)
			}
			golden(t, name, got)
		})
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		events []event.Event
		live   bool
		color  bool
	}{
		"summary.golden":         {events: story()},
		"summary_color.golden":   {events: story(), color: true},
		"summary_running.golden": {events: story()[:12], live: true},
		"summary_killed.golden":  {events: story()[:12]},
		"summary_pending.golden": {live: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := runstate.Replay(runstate.History{Events: tc.events, Live: tc.live})
			var out bytes.Buffer
			if err := view.Summary(&out, state, tc.color, start.Add(time.Minute)); err != nil {
				t.Fatal(err)
			}
			golden(t, name, out.Bytes())
		})
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	low, high := 0.929999, 12345678.0
	got := view.Bounds(event.Threshold{Metric: "m", Min: &low, Max: &high})
	if got != "0.929999 to 12345678" {
		t.Errorf("got %s", got)
	}
}

func TestUnknownFormat(t *testing.T) {
	t.Parallel()
	_, err := view.New(view.Options{Format: "yaml"})
	if err == nil || err.Error() != `unknown format "yaml": use auto, live, plain or json` {
		t.Errorf("got %v", err)
	}
}

func TestDuration(t *testing.T) {
	t.Parallel()
	for d, want := range map[time.Duration]string{
		-time.Second: "0s", 0: "0ms", 999 * time.Millisecond: "999ms", 12340 * time.Millisecond: "12.3s",
		59_960 * time.Millisecond: "1m00s", 61 * time.Second: "1m01s", 3*time.Hour + 4*time.Minute: "3h04m",
	} {
		if got := view.Duration(d); got != want {
			t.Errorf("%s is shown as %s, not as %s", d, got, want)
		}
	}
}
