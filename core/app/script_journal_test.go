package app_test

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// span is how long a stage was on its way.
type span struct {
	run        string
	came       time.Time // it began to wait, or began
	begun, end time.Time
}

// inturn COUNT STAGE... checks in the journals of all runs that so many stages
// of these names have ended, that none began before the one before had ended,
// and that they began in the order in which they came.
func cmdInTurn(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: inturn count stage...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	spans := spansOf(ts, args[1:])
	if len(spans) != want {
		ts.Fatalf("%d stages have ended, not %d", len(spans), want)
	}
	slices.SortFunc(spans, func(a, b span) int { return a.came.Compare(b.came) })
	for i := 1; i < len(spans); i++ {
		if before, s := spans[i-1], spans[i]; s.begun.Before(before.end) {
			ts.Fatalf("run %s began at %s, and run %s before it ended at %s", s.run, s.begun, before.run, before.end)
		}
	}
}

func spansOf(ts *testscript.TestScript, stages []string) []span {
	store, err := runstate.OpenFileStore(runstate.FileOptions{Home: filepath.Join(ts.Getenv("HOME"), "runner")})
	ts.Check(err)
	ids, err := store.List(context.Background())
	ts.Check(err)
	var out []span
	for _, id := range ids {
		history, err := store.Read(context.Background(), id)
		ts.Check(err)
		open := make(map[string]span)
		for _, e := range history.Events {
			if !slices.Contains(stages, e.Stage) {
				continue
			}
			s := open[e.Stage]
			s.run = id + " " + strings.Join(stages, " ")
			switch e.Type {
			case event.StageWaiting:
				s.came = e.Time
			case event.AttemptStarted:
				s.begun = e.Time
				if s.came.IsZero() {
					s.came = e.Time
				}
			case event.StageFinished:
				s.end = e.Time
				if !s.begun.IsZero() {
					out = append(out, s)
				}
			}
			open[e.Stage] = s
		}
	}
	return out
}
