package view_test

import (
	"time"

	"github.com/stagegate/stagegate/core/event"
)

const (
	runID  = "20261123-154210-k3x9"
	digest = "sha256:9a129038d9a00aed0cf6a7ea059ca50a813449061ab87848cf1a13eafdf33b2c"
)

var start = time.Date(2026, 11, 23, 15, 42, 10, 0, time.UTC)

// story is a run in which everything happens that can: it ends with a denial.
func story() []event.Event {
	bound := 0.93
	events := []event.Event{
		{Type: event.RunStarted, Run: &event.Run{
			Pipeline: "digits", Commit: "1160508e2d5b43006fa5e53863f7ad4abdf1077c", Ref: "refs/heads/main", Runner: "0.1.0",
			Stages: []event.StageInfo{
				{Name: "weights", Uses: "build.model", Kind: "builder"},
				{Name: "accuracy", Uses: "test.eval", Kind: "tester"},
				{Name: "unit", Uses: "test.command", Kind: "tester"},
				{Name: "serve", Uses: "deploy.kubernetes", Kind: "deployer"},
				{Name: "notify", Uses: "build.command", Kind: "builder"},
			},
			Parallelism: 2,
		}},
		{Type: event.StageReady, Stage: "weights"},
		{Type: event.AttemptStarted, Stage: "weights", Attempt: 1},
		{Type: event.StageLog, Stage: "weights", Attempt: 1, Log: &event.Log{Stream: "stdout", Data: []byte("packing\nhalf a ")}},
		{Type: event.StageProgress, Stage: "weights", Attempt: 1, Progress: &event.Progress{Task: "upload", Current: 1 << 20, Total: 3 << 20, Unit: "bytes"}},
		{Type: event.StageLog, Stage: "weights", Attempt: 1, Log: &event.Log{Stream: "stdout", Data: []byte("line\nand no end")}},
		{Type: event.StageArtifact, Stage: "weights", Attempt: 1, Artifact: &event.Artifact{Name: "digits", Digest: digest, Size: 5 << 20}},
		{Type: event.AttemptFinished, Stage: "weights", Attempt: 1, Finish: &event.Finish{Status: event.Succeeded, Duration: 1.25}},
		{Type: event.StageFinished, Stage: "weights", Finish: &event.Finish{Status: event.Succeeded, Duration: 1.25}},
		{Type: event.AttemptStarted, Stage: "accuracy", Attempt: 1},
		{Type: event.AttemptFinished, Stage: "accuracy", Attempt: 1, Finish: &event.Finish{Status: event.Errored, Duration: 2, Failure: &event.Failure{Summary: "registry is busy", Transient: true}}},
		{Type: event.StageRetrying, Stage: "accuracy", Attempt: 1, Reason: "registry is busy", Delay: 5},
		{Type: event.AttemptStarted, Stage: "accuracy", Attempt: 2},
		{Type: event.StageDiagnostic, Stage: "accuracy", Attempt: 2, Diagnostic: &event.Diagnostic{Severity: "warning", Summary: "few samples", Detail: "450 are not many.", File: "pipeline.hcl", Line: 12}},
		{Type: event.AttemptFinished, Stage: "accuracy", Attempt: 2, Finish: &event.Finish{Status: event.Failed, Duration: 62}},
		{Type: event.StageFinished, Stage: "accuracy", Finish: &event.Finish{
			Status: event.Failed, Duration: 62, Failure: &event.Failure{Summary: "accuracy is 0.91, below 0.93", Detail: "One threshold of one was missed."},
			Report: &event.Report{Metrics: []event.Metric{{Name: "accuracy", Value: 0.91, Samples: 450}}, Thresholds: []event.Threshold{{Metric: "accuracy", Min: &bound}}},
		}},
		{Type: event.StageWaiting, Stage: "unit", Reason: "waiting for gpu, held by run 20261123-154100-abcd (stage.train), 1 before it", Waiting: &event.Wait{
			Group: "gpu", Holder: &event.Occupant{Run: "20261123-154100-abcd", Stage: "train"}, Before: 1,
		}},
		{Type: event.AttemptStarted, Stage: "unit", Attempt: 1},
		{Type: event.StageFinished, Stage: "unit", Finish: &event.Finish{Status: event.Succeeded, Duration: 0.5, Report: &event.Report{Cases: &event.CaseCounts{Passed: 12, Skipped: 1}}}},
		{Type: event.AttemptStarted, Stage: "serve", Attempt: 1},
		{Type: event.PlanMade, Stage: "serve", Plan: &event.Plan{Digest: digest, Target: "kubernetes https://127.0.0.1:6443", Notes: []string{"each pod needs 1 nvidia.com/gpu"}, Changes: []event.Change{
			{Action: "create", Object: "Deployment demo/digits", Diff: "+ replicas: 2\n+ gpu: 1"}, {Action: "update", Object: "Service demo/digits"},
		}}},
		{Type: event.DecisionMade, Stage: "serve", Decision: &event.Decision{
			Verdict: "deny", PlanDigest: digest, For: "serve", Rules: []string{"a", "b", "c"},
			Violations: []event.Violation{{Rule: "images_pinned", Message: "the image is not pinned", Subject: "Deployment demo/digits", Remedy: "Use a digest.", Controls: []string{"NIST CM-2"}}},
			Warnings:   []event.Violation{{Rule: "few_replicas", Message: "one replica only"}},
			Waived:     []event.Violation{{Rule: "egress", Message: "egress is open", Waiver: "grace@example.com until 2026-12-31T18:00:00Z: closed with OPS-311"}},
		}},
		{Type: event.ApprovalCounted, Stage: "serve", Approval: &event.Approval{
			Verdict: "approve", Principal: "alice@example.com", Fingerprint: "SHA256:txwhrkYq85C026AlESra00ZETfc", PlanDigest: digest, Reason: "seen it",
		}},
	}
	return stamped(append(events, ending()...))
}

func ending() []event.Event {
	denied := &event.Failure{Summary: "policy denies stage.serve: 1 violation", Class: "policy_denied"}
	return []event.Event{
		{Type: event.StageFinished, Stage: "serve", Finish: &event.Finish{Status: event.Denied, Duration: 0.02, Failure: denied, Rollout: &event.Rollout{
			Phase: "degraded", Replicas: 3, Ready: 2, Placements: []event.Placement{
				{Replica: "digits-b", Node: "gpu-1", Devices: map[string]int64{"nvidia.com/gpu": 1}, Ready: true},
				{Replica: "digits-a", Node: "gpu-1", Devices: map[string]int64{"nvidia.com/gpu": 2}, Ready: true},
				{Replica: "digits-c"},
			},
		}}},
		{Type: event.StageSkipped, Stage: "notify", Reason: "denied by policy: stage.serve says no"},
		{Type: event.RunCancelling, Reason: "interrupted by Ctrl-C"},
		{Type: event.RunFinished, Finish: &event.Finish{Status: event.Denied, Duration: 66, ExitCode: 4, Failure: denied}},
	}
}

// stamped gives events their time, one a second, and their run.
func stamped(events []event.Event) []event.Event {
	for i := range events {
		events[i].Time, events[i].RunID = start.Add(time.Duration(i)*time.Second), runID
	}
	return events
}
