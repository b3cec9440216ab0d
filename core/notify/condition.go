package notify

import (
	"slices"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
)

// Condition is what has to be so for somebody to be told.
type Condition = pipeline.Condition

// Known reports whether a text is a condition.
func Known(text string) bool { return slices.Contains(pipeline.Conditions(), Condition(text)) }

// Holding are the conditions that hold for a run that ended as now, where the
// last run ended as before; before is empty when there is none. Those that say
// most come first. None hold while it is on its way.
func Holding(now, before event.Status) []Condition {
	bad := failing(now)
	holds := map[Condition]bool{
		pipeline.RunAlways: bad || slices.Contains([]event.Status{event.Succeeded, event.Cancelled, event.Waiting}, now),
		pipeline.RunDenied: now == event.Denied, pipeline.RunFailure: bad, pipeline.RunSuccess: now == event.Succeeded,
		pipeline.RunCancelled: now == event.Cancelled, pipeline.RunWaiting: now == event.Waiting,
		pipeline.RunRegression: bad && before == event.Succeeded,
		pipeline.RunFixed:      now == event.Succeeded && failing(before),
		pipeline.RunChanged:    (bad || now == event.Succeeded) && now != before,
	}
	return slices.DeleteFunc(pipeline.Conditions(), func(c Condition) bool { return !holds[c] })
}

// failing reports whether a run with this status did not succeed although nobody
// had stopped it.
func failing(s event.Status) bool {
	switch s {
	case event.Failed, event.Errored, event.Denied, runstate.Interrupted:
		return true
	default:
		return false
	}
}
