package view_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
	"github.com/stagegate/stagegate/core/view"
)

// evil moves the cursor, clears the screen, sets the title, and turns the
// direction of writing, in both forms of each control character.
const evil = "\x1b[2J\x1b]0;owned\x07\x9b31m\u009b1A\r\u202eevil\x00\x7f"

func TestPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain":          "plain",
		"tab\tand\nline": "tab\tand\nline",
		"ümlaut ✓ 字":     "ümlaut ✓ 字",
		"\x1b[31mred":    "[31mred",
		"a\rb\x08c":      "abc",
		"\u009b2J":       "2J",
		"a\u202eb\u2066": "ab",
		"\xff\xfe":       "\uFFFD",
	} {
		if got := view.Printable(in); got != want {
			t.Errorf("%q is %q, not %q", in, got, want)
		}
	}
}

// steering are the characters that may not reach a terminal.
func steering(out []byte) string {
	for _, r := range string(out) {
		if r < ' ' && r != '\n' && r != '\t' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0x202e {
			return fmt.Sprintf("%U", r)
		}
	}
	return ""
}

// Whatever a stage, a plugin or a policy says, in whatever field, cannot steer
// the terminal.
func TestHostileTextIsHarmless(t *testing.T) {
	t.Parallel()
	violation := []event.Violation{{Rule: evil, Message: evil, Subject: evil, Remedy: evil, Controls: []string{evil}}}
	events := stamped([]event.Event{
		{Type: event.RunStarted, Run: &event.Run{Pipeline: evil, Commit: evil, Stages: []event.StageInfo{{Name: "a", Uses: evil}}}},
		{Type: event.AttemptStarted, Stage: "a", Attempt: 1},
		{Type: event.StageLog, Stage: "a", Log: &event.Log{Stream: "stdout", Data: []byte(evil + "\n" + evil)}},
		{Type: event.StageRetrying, Stage: "a", Reason: evil},
		{Type: event.StageDiagnostic, Stage: "a", Diagnostic: &event.Diagnostic{Severity: evil, Summary: evil, Detail: evil, File: evil}},
		{Type: event.StageArtifact, Stage: "a", Artifact: &event.Artifact{Name: evil, Digest: evil}},
		{Type: event.PlanMade, Stage: "a", Plan: &event.Plan{Digest: evil, Target: evil, Notes: []string{evil}, Changes: []event.Change{{Action: evil, Object: evil, Diff: evil}}}},
		{Type: event.DecisionMade, Stage: "a", Decision: &event.Decision{Verdict: evil, Error: evil, Violations: violation, Warnings: violation, Waived: violation, For: evil}},
		{Type: event.StageFinished, Stage: "a", Finish: &event.Finish{
			Status: event.Failed, Failure: &event.Failure{Summary: evil, Detail: evil},
			Report:  &event.Report{Metrics: []event.Metric{{Name: evil, Unit: evil}}},
			Rollout: &event.Rollout{Phase: evil, Placements: []event.Placement{{Replica: evil, Node: evil, Devices: map[string]int64{evil: 1}}}},
		}},
		{Type: event.StageSkipped, Stage: evil, Reason: evil},
		{Type: event.RunCancelling, Reason: evil},
		{Type: event.RunFinished, Finish: &event.Finish{Status: event.Failed, Failure: &event.Failure{Summary: evil}}},
	})
	hostileTail := func(string, int) []byte { return []byte(evil) }
	for _, verbose := range []bool{false, true} {
		got := show(t, view.Options{Format: view.Plain, Verbose: verbose, Tail: hostileTail}, events)
		if bad := steering(got); bad != "" {
			t.Errorf("verbose=%t: %s in %q", verbose, bad, got)
		}
		if n := strings.Count(string(got), "evil"); n < 20 {
			t.Errorf("the text around it is lost too: %d in %q", n, got)
		}
	}
	var out bytes.Buffer
	if err := view.Summary(&out, runstate.Replay(runstate.History{Events: events}), false, start); err != nil {
		t.Fatal(err)
	}
	if bad := steering(out.Bytes()); bad != "" {
		t.Errorf("%s in the summary %q", bad, out.Bytes())
	}
	if events[0].Run.Pipeline != evil {
		t.Error("the event itself was changed: others read it too")
	}
}
