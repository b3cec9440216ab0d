package runstate_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// at is an event so many seconds into the run.
func at(second int, e event.Event) event.Event {
	e.Time = time.Date(2026, 11, 23, 15, 42, second, 0, time.UTC)
	e.RunID = "20261123-154200-k3x9"
	return e
}

func finish(s event.Status) *event.Finish { return &event.Finish{Status: s} }

// release is a whole run: weights is retried once, serve is denied, notify has
// no reason to run.
func release() []event.Event {
	return []event.Event{
		at(0, event.Event{Type: event.RunStarted, Run: &event.Run{Pipeline: "digits", Stages: []event.StageInfo{
			{Name: "weights", Uses: "build.model", Kind: "builder"},
			{Name: "serve", Uses: "deploy.kubernetes", Kind: "deployer", Needs: []string{"weights"}},
			{Name: "notify", Uses: "test.command", Kind: "tester"},
		}}}),
		at(1, event.Event{Type: event.AttemptStarted, Stage: "weights", Attempt: 1}),
		at(2, event.Event{Type: event.StageArtifact, Stage: "weights", Attempt: 1, Artifact: &event.Artifact{Name: "half"}}),
		at(3, event.Event{Type: event.AttemptFinished, Stage: "weights", Attempt: 1, Finish: finish(event.Errored)}),
		at(4, event.Event{Type: event.AttemptStarted, Stage: "weights", Attempt: 2}),
		at(5, event.Event{Type: event.StageArtifact, Stage: "weights", Attempt: 2, Artifact: &event.Artifact{Name: "model"}}),
		at(6, event.Event{Type: event.StageAttestation, Stage: "weights", Attestation: &event.Attestation{PredicateType: "p"}}),
		at(7, event.Event{Type: event.AttemptFinished, Stage: "weights", Attempt: 2, Finish: finish(event.Succeeded)}),
		at(7, event.Event{Type: event.StageFinished, Stage: "weights", Finish: finish(event.Succeeded)}),
		at(8, event.Event{Type: event.AttemptStarted, Stage: "serve", Attempt: 1}),
		at(9, event.Event{Type: event.PlanMade, Stage: "serve", Plan: &event.Plan{Digest: "sha256:1"}}),
		at(10, event.Event{Type: event.DecisionMade, Stage: "serve", Decision: &event.Decision{Verdict: "deny", For: "serve"}}),
		at(11, event.Event{Type: event.StageHandle, Stage: "serve", Handle: []byte("h")}),
		at(12, event.Event{Type: event.AttemptFinished, Stage: "serve", Attempt: 1, Finish: finish(event.Denied)}),
		at(12, event.Event{Type: event.StageFinished, Stage: "serve", Finish: finish(event.Denied)}),
		at(13, event.Event{Type: event.StageSkipped, Stage: "notify", Reason: "nothing that it needs has failed"}),
		at(14, event.Event{Type: event.RunFinished, Finish: &event.Finish{Status: event.Denied, ExitCode: 4}}),
	}
}

func TestReplay(t *testing.T) {
	t.Parallel()
	s := runstate.Replay(runstate.History{Events: release()})
	if s.ID != "20261123-154200-k3x9" || s.Status != event.Denied || s.ExitCode != 4 || s.Run.Pipeline != "digits" {
		t.Errorf("run = %+v", s)
	}
	if got := s.Duration(time.Time{}); got != 14*time.Second {
		t.Errorf("duration = %v", got)
	}
	weights, serve, notify := s.Stage("weights"), s.Stage("serve"), s.Stage("notify")
	if len(weights.Attempts) != 2 || weights.Attempts[0].Finish.Status != event.Errored || weights.Status != event.Succeeded {
		t.Errorf("weights = %+v", weights)
	}
	if diff := cmp.Diff([]event.Artifact{{Name: "model"}}, weights.Artifacts); diff != "" {
		t.Errorf("artifacts of the last attempt (-want +got):\n%s", diff)
	}
	if len(weights.Attestations) != 1 || weights.Ended.Sub(weights.Started) != 6*time.Second {
		t.Errorf("weights = %+v", weights)
	}
	if serve.Plan.Digest != "sha256:1" || serve.Decisions[0].Verdict != "deny" || string(serve.Handle) != "h" || serve.Status != event.Denied {
		t.Errorf("serve = %+v", serve)
	}
	if notify.Status != event.Skipped || notify.Reason == "" || s.Stage("nobody") != nil {
		t.Errorf("notify = %+v", notify)
	}
	if got := []string{s.Stages[0].Name, s.Stages[1].Name, s.Stages[2].Name}; !cmp.Equal(got, []string{"weights", "serve", "notify"}) {
		t.Errorf("stages = %v, want the pipeline's order", got)
	}
}

// TestReplayOfEveryBeginning cuts the journal behind each event, as a kill
// would: no run stays "running" for ever, and nothing that ended is lost.
func TestReplayOfEveryBeginning(t *testing.T) {
	t.Parallel()
	all := release()
	for n := range len(all) {
		dead := runstate.Replay(runstate.History{Events: all[:n]})
		if dead.Status != runstate.Interrupted {
			t.Errorf("after %d events: status %s, want interrupted", n, dead.Status)
		}
		for _, s := range dead.Stages {
			if s.Status == runstate.Running {
				t.Errorf("after %d events: stage %s runs in a dead run", n, s.Name)
			}
		}
		alive := runstate.Replay(runstate.History{Events: all[:n], Live: true})
		if alive.Status == runstate.Interrupted {
			t.Errorf("after %d events: a live run is interrupted", n)
		}
	}
	dead := runstate.Replay(runstate.History{Events: all[:11]})
	got := map[string]event.Status{}
	for _, s := range dead.Stages {
		got[s.Name] = s.Status
	}
	want := map[string]event.Status{"weights": event.Succeeded, "serve": event.Unknown, "notify": runstate.Pending}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("killed in serve (-want +got):\n%s", diff)
	}
}

func TestReplayOfAResumedRun(t *testing.T) {
	t.Parallel()
	events := append(release()[:10],
		at(20, event.Event{Type: event.RunCancelling, Reason: "interrupt"}),
		at(20, event.Event{Type: event.StageSkipped, Stage: "notify", Reason: "stage.serve was cancelled", Unmet: true}),
		at(20, event.Event{Type: event.StageSkipped, Stage: "other", Reason: "not wanted"}),
		at(41, event.Event{Type: event.RunResumed, Run: &event.Run{Runner: "0.2.0"}}),
		at(42, event.Event{Type: event.AttemptStarted, Stage: "serve", Attempt: 2}))
	s := runstate.Replay(runstate.History{Events: events, Live: true})
	if s.Status != runstate.Running || s.Resumed != 1 || s.Cancelled != "" || len(s.Stage("serve").Attempts) != 2 {
		t.Errorf("state = %+v", s)
	}
	if got := s.Duration(s.Started.Add(time.Minute)); got != 39*time.Second {
		t.Errorf("duration of a run on its way = %v: nobody was on it for 21 seconds", got)
	}
	if s.Stage("notify").Status != runstate.Pending || s.Stage("other").Status != event.Skipped || s.Run.Runner != "0.2.0" {
		t.Errorf("what has its turn again: %+v; what has not: %+v", s.Stage("notify"), s.Stage("other"))
	}
}

func TestReplayOfNonsense(t *testing.T) {
	t.Parallel()
	types := []event.Type{event.StageFinished, event.AttemptFinished, event.StageArtifact, event.StageAttestation, event.DecisionMade, event.RunFinished, event.RunStarted, "from_a_newer_runner"}
	for _, ty := range types {
		s := runstate.Replay(runstate.History{Events: []event.Event{{Type: ty, Stage: "s"}, {Type: ty}}})
		if diff := cmp.Diff(runstate.Interrupted, s.Status); diff != "" {
			t.Errorf("%s without a body (-want +got):\n%s", ty, diff)
		}
	}
}

// A runner that dies while it records a result from the cache leaves a part of
// it; the next one records all of it.
func TestReplayOfATornCachedResult(t *testing.T) {
	t.Parallel()
	made := at(1, event.Event{Type: event.StageArtifact, Stage: "train", Artifact: &event.Artifact{Name: "m"}})
	stated := at(2, event.Event{Type: event.StageAttestation, Stage: "train", Attestation: &event.Attestation{Digest: "d"}})
	end := at(3, event.Event{Type: event.StageFinished, Stage: "train", Finish: &event.Finish{Status: event.Succeeded, Cached: &event.Cached{Run: "r"}}})
	resumed := at(4, event.Event{Type: event.RunResumed})
	start := at(0, event.Event{Type: event.RunStarted, Run: &event.Run{}})
	for name, events := range map[string][]event.Event{
		"torn": {start, made, stated, resumed, made, stated, end}, "whole": {start, made, stated, end, resumed},
	} {
		s := runstate.Replay(runstate.History{Events: events}).Stage("train")
		if len(s.Artifacts) != 1 || len(s.Attestations) != 1 || s.Status != event.Succeeded {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
