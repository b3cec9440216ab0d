package view_test

import (
	"testing"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/view"
)

// TestStops shows all ways in which a run is stopped, of a run with targets.
func TestStops(t *testing.T) {
	t.Parallel()
	story := stamped([]event.Event{
		{Type: event.RunStarted, Run: &event.Run{
			Pipeline: "digits", Stages: []event.StageInfo{{Name: "train"}, {Name: "unit"}, {Name: "test"}},
			Targets: []string{"stage.test"}, Whole: 10,
		}},
		{Type: event.RunStopping, Stage: "unit", Reason: "stage.unit failed, and the run fails fast"},
		{Type: event.RunCancelling, Mode: event.StopAfterCurrent, By: "ada", Reason: "stopped by ada: enough"},
		{Type: event.RunCancelling, Mode: event.StopCleanup, Reason: "interrupted by Ctrl-C"},
		{Type: event.RunCancelling, Mode: event.StopNow, By: "eve", Reason: "stopped by eve\x1b[2J"},
	})
	golden(t, "stops.golden", show(t, view.Options{Format: view.Plain}, story))
}
