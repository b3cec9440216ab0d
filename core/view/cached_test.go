package view_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

// finished is how two stages ended: one was taken over, the other had changed.
func finished() []event.Event {
	return []event.Event{
		{Type: event.RunStarted, RunID: "r", Run: &event.Run{Pipeline: "p", Stages: []event.StageInfo{{Name: "train"}, {Name: "pack"}}}},
		{Type: event.StageFinished, Stage: "train", Finish: &event.Finish{
			Status: event.Succeeded, Cached: &event.Cached{Run: "20261122-101010-abcd"},
			Report: &event.Report{Metrics: []event.Metric{{Name: "accuracy", Value: 0.97}}},
		}},
		{Type: event.StageFinished, Stage: "pack", Finish: &event.Finish{Status: event.Succeeded, Uncached: "file \x1b[2Ja changed"}},
		{Type: event.RunFinished, Finish: &event.Finish{Status: event.Succeeded}},
	}
}

func TestCachedStagesSayWhereTheirResultIsFrom(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	v, err := view.New(view.Options{Format: view.Plain, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range finished() {
		v.Show(e)
	}
	v.Close()
	for _, want := range []string{"succeeded  0ms  cached from run 20261122-101010-abcd, accuracy 0.97", "succeeded  0ms  run because file [2Ja changed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it says\n%s\nwithout %q", out.String(), want)
		}
	}
}

func TestSummaryOfCachedStages(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := view.Summary(&out, runstate.Replay(runstate.History{Events: finished()}), false, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"cached from run 20261122-101010-abcd", "run because file [2Ja changed"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it says\n%s\nwithout %q", out.String(), want)
		}
	}
}
