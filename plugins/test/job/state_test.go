package job_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/test/job"
)

// decode reads what a cluster shows from JSON.
func decode(t *testing.T, parts map[string]string) job.Snapshot {
	t.Helper()
	var s job.Snapshot
	for name, into := range map[string]any{"job": &s.Job, "pods": &s.Pods, "events": &s.Events, "workloads": &s.Workload} {
		if parts[name] == "" {
			continue
		}
		if err := json.Unmarshal([]byte(parts[name]), into); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return s
}

func TestJudge(t *testing.T) {
	t.Parallel()
	const plain, suspended = `{"metadata": {"uid": "u"}}`, `{"metadata": {"uid": "u"}, "spec": {"suspend": true}}`
	hold := func(class job.Class, reason, message string, hopeless bool) *job.Hold {
		return &job.Hold{Class: class, Reason: reason, Message: message, Hopeless: hopeless}
	}
	workload := func(reason, message string) string {
		return `[{"metadata": {"ownerReferences": [{"uid": "another"}]}, "status": {"conditions": [{"type": "QuotaReserved", "status": "False", "reason": "X", "message": "x"}]}},
			{"metadata": {"ownerReferences": [{"uid": "u"}]}, "status": {"conditions": [{"type": "QuotaReserved", "status": "False", "reason": "` + reason + `", "message": "` + message + `"}]}}]`
	}
	for name, tc := range map[string]struct {
		shown map[string]string
		want  job.State
	}{
		"gone":   {nil, job.State{Phase: job.Lost, Hold: hold(job.Deleted, "Deleted", "somebody has deleted the Job", true)}},
		"new":    {map[string]string{"job": plain}, job.State{Phase: job.Making}},
		"queued": {map[string]string{"job": suspended}, job.State{Phase: job.Queued, Hold: hold(job.Queue, "Suspended", "the queue has not let it go yet", false)}},
		"queued for quota": {map[string]string{"job": suspended, "workloads": workload("WaitingForQuota", "others have it")},
			job.State{Phase: job.Queued, Hold: hold(job.Queue, "WaitingForQuota", "others have it", false)}},
		"queued for ever": {map[string]string{"job": suspended, "workloads": workload("NoMatchingFlavor", "none")},
			job.State{Phase: job.Queued, Hold: hold(job.QueueFull, "NoMatchingFlavor", "none", true)}},
		"queued for ever, in older words": {map[string]string{"job": suspended, "workloads": workload("Pending", "request > maximum capacity (16 > 8)")},
			job.State{Phase: job.Queued, Hold: hold(job.QueueFull, "Pending", "request > maximum capacity (16 > 8)", true)}},
		"taken back": {map[string]string{"job": suspended, "pods": `[{"metadata": {"name": "p", "deletionTimestamp": "2026-01-01T00:00:00Z"}, "status": {"phase": "Failed", "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 143}}}]}}]`},
			job.State{Phase: job.Queued, Hold: hold(job.Queue, "Suspended", "the queue has not let it go yet", false)}},
		"a webhook that is away": {map[string]string{"job": plain, "events": `[{"reason": "FailedCreate", "message": "Internal error occurred: failed calling webhook \"x\": forbidden"}]`},
			job.State{Phase: job.Making, Hold: hold(job.Slow, "FailedCreate", `Internal error occurred: failed calling webhook "x": forbidden`, false)}},
		"quota": {map[string]string{"job": plain, "events": `[{"reason": "SuccessfulCreate", "message": "x"}, {"reason": "FailedCreate", "message": "pods \"p\" is forbidden: exceeded quota: q"}]`},
			job.State{Phase: job.Making, Hold: hold(job.Quota, "FailedCreate", `pods "p" is forbidden: exceeded quota: q`, true)}},
		"no account": {map[string]string{"job": plain, "events": `[{"reason": "FailedCreate", "message": "pods \"p\" is forbidden: error looking up service account n/a: serviceaccount \"a\" not found"}]`},
			job.State{Phase: job.Making, Hold: hold(job.Admission, "FailedCreate", `pods "p" is forbidden: error looking up service account n/a: serviceaccount "a" not found`, true)}},
		"rules": {map[string]string{"job": plain, "events": `[{"reason": "FailedCreate", "message": "pods \"p\" is forbidden: violates PodSecurity \"restricted\""}]`},
			job.State{Phase: job.Making, Hold: hold(job.Admission, "FailedCreate", `pods "p" is forbidden: violates PodSecurity "restricted"`, true)}},
		"gated": {map[string]string{"job": plain, "pods": `[{"metadata": {"name": "p"}, "status": {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated", "message": "gates"}]}}]`},
			job.State{Phase: job.Queued, Pod: "p", Hold: hold(job.Queue, "SchedulingGated", "gates", false)}},
		"not looked at": {map[string]string{"job": plain, "pods": `[{"metadata": {"name": "p"}}]`}, job.State{Phase: job.Placing, Pod: "p"}},
		"starting": {map[string]string{"job": plain, "pods": `[{"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"containerStatuses": [{"name": "main", "state": {"waiting": {"reason": "ContainerCreating"}}}]}}]`},
			job.State{Phase: job.Starting, Pod: "p", Node: "n"}},
		"running": {map[string]string{"job": plain, "pods": `[{"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"containerStatuses": [{"name": "sidecar", "state": {"terminated": {"exitCode": 1}}}, {"name": "main", "state": {"running": {}}}]}}]`},
			job.State{Phase: job.Running, Pod: "p", Node: "n"}},
		"the newest pod counts": {map[string]string{"job": plain, "pods": `[{"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": {"nodeName": "n"}, "status": {"containerStatuses": [{"name": "main", "state": {"running": {}}}]}}, {"metadata": {"name": "b", "creationTimestamp": "2026-01-01T00:00:01Z"}}]`},
			job.State{Phase: job.Placing, Pod: "b"}},
		"a pod that stays counts": {map[string]string{"job": plain, "pods": `[{"metadata": {"name": "a", "creationTimestamp": "2026-01-01T00:00:00Z"}}, {"metadata": {"name": "b", "creationTimestamp": "2026-01-01T00:00:01Z", "deletionTimestamp": "2026-01-01T00:00:02Z"}}]`},
			job.State{Phase: job.Placing, Pod: "a"}},
		"ended well before it was taken": {map[string]string{"job": plain, "pods": `[{"metadata": {"name": "p"}, "status": {"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "X"}], "containerStatuses": [{"name": "main", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}]}}]`},
			job.State{Phase: job.Ended, Pod: "p", Exit: &job.Exit{Reason: "Completed"}}},
		"ended, and its pod is gone": {map[string]string{"job": `{"status": {"conditions": [{"type": "Complete", "status": "True"}]}}`}, job.State{Phase: job.Ended, Exit: &job.Exit{}}},
		"its own deadline": {map[string]string{"job": `{"status": {"conditions": [{"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded", "message": "m"}]}}`, "pods": `[{"metadata": {"name": "p", "deletionTimestamp": "x"}, "status": {"phase": "Running"}}]`},
			job.State{Phase: job.Lost, Pod: "p", Hold: hold(job.Deadline, "DeadlineExceeded", "m", true)}},
		"a node without its devices": {map[string]string{"job": plain, "pods": `[{"metadata": {"name": "p"}, "spec": {"nodeName": "n"}, "status": {"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": "no healthy devices"}}]`},
			job.State{Phase: job.Lost, Pod: "p", Node: "n", Hold: hold(job.Device, "UnexpectedAdmissionError", "no healthy devices", true)}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, job.Judge(decode(t, tc.shown))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Each phase has its own time, and what a moment heals has a moment.
func TestPatience(t *testing.T) {
	t.Parallel()
	limits := job.Limits{Queue: time.Hour, Schedule: 5 * time.Minute, Start: 10 * time.Minute, Run: 30 * time.Minute}
	at := func(phase job.Phase, class job.Class) job.State {
		return job.State{Phase: phase, Hold: &job.Hold{Class: class, Reason: "R"}}
	}
	type step struct {
		after time.Duration
		state job.State
	}
	for name, tc := range map[string]struct {
		steps []step // all but the last are waited for
		want  job.Class
	}{
		"quota": {[]step{{0, at(job.Queued, job.Queue)}, {59 * time.Minute, at(job.Queued, job.Queue)}, {time.Minute, at(job.Queued, job.Queue)}}, job.Queue},
		"time that was spent in the queue does not count": {[]step{{0, at(job.Queued, job.Queue)}, {59 * time.Minute, at(job.Placing, job.Capacity)}, {4 * time.Minute, at(job.Placing, job.Capacity)}, {time.Minute, at(job.Placing, job.Capacity)}}, job.Capacity},
		"no node":               {[]step{{0, at(job.Placing, job.Placement)}, {14 * time.Second, at(job.Placing, job.Placement)}, {time.Second, at(job.Placing, job.Placement)}}, job.Placement},
		"a node that came late": {[]step{{0, at(job.Placing, job.Placement)}, {14 * time.Second, at(job.Placing, job.Capacity)}, {14 * time.Second, at(job.Placing, job.Placement)}, {15 * time.Second, at(job.Placing, job.Placement)}}, job.Placement},
		"an image":              {[]step{{0, at(job.Starting, job.Image)}, {29 * time.Second, at(job.Starting, job.Image)}, {time.Second, at(job.Starting, job.Image)}}, job.Image},
		"it is not tried":       {[]step{{0, job.State{Phase: job.Lost, Hold: &job.Hold{Class: job.Device, Hopeless: true}}}}, job.Device},
		"it runs":               {[]step{{0, job.State{Phase: job.Running}}, {29 * time.Minute, job.State{Phase: job.Running}}, {time.Minute, job.State{Phase: job.Running}}}, job.Deadline},
		"nothing is known":      {[]step{{0, job.State{Phase: job.Making}}, {4 * time.Minute, job.State{Phase: job.Making}}, {time.Minute, job.State{Phase: job.Making}}}, job.Slow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			patience := job.NewPatience(limits, now)
			for i, step := range tc.steps {
				now = now.Add(step.after)
				got := patience.Look(step.state, now)
				switch {
				case i < len(tc.steps)-1 && (got.Failed != nil || got.Again <= 0):
					t.Errorf("step %d fails: %+v", i, got)
				case i == len(tc.steps)-1 && (got.Failed == nil || got.Failed.Class != tc.want):
					t.Errorf("%+v, want %s", got, tc.want)
				}
			}
		})
	}
}
