package rollout_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

func scheduled(status, reason, message string) map[string]any {
	return map[string]any{"phase": "Pending", "conditions": []any{map[string]any{
		"type": "PodScheduled", "status": status, "reason": reason, "message": message,
	}}}
}

func container(restarts int, state, last map[string]any) map[string]any {
	return map[string]any{"phase": "Running", "containerStatuses": []any{map[string]any{
		"name": "server", "restartCount": restarts, "state": state, "lastState": last,
	}}}
}

func waiting(reason, message string) map[string]any {
	return map[string]any{"waiting": map[string]any{"reason": reason, "message": message}}
}

func terminated(reason string, code int) map[string]any {
	return map[string]any{"terminated": map[string]any{"reason": reason, "exitCode": code}}
}

func TestProblemsAreClassified(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		node   string
		status map[string]any
		want   rollout.Problem
	}{
		"no room": {"", scheduled("False", "Unschedulable", "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."),
			rollout.Problem{Class: rollout.Capacity, Reason: "Unschedulable", Message: "0/2 nodes are available: 2 Insufficient nvidia.com/gpu."}},
		"some fit and have no room": {"", scheduled("False", "Unschedulable", "1 Insufficient cpu, 1 node(s) had untolerated taint {x}"),
			rollout.Problem{Class: rollout.Capacity, Reason: "Unschedulable", Message: "1 Insufficient cpu, 1 node(s) had untolerated taint {x}"}},
		"no node fits": {"", scheduled("False", "Unschedulable", "2 node(s) didn't match Pod's node affinity/selector."),
			rollout.Problem{Class: rollout.Placing, Reason: "Unschedulable", Message: "2 node(s) didn't match Pod's node affinity/selector."}},
		"gate": {"", scheduled("False", "SchedulingGated", ""), rollout.Problem{Class: rollout.Queued, Reason: "SchedulingGated"}},
		"pull": {"n", container(0, waiting("ImagePullBackOff", "no such digest"), nil),
			rollout.Problem{Class: rollout.Image, Node: "n", Reason: "ImagePullBackOff", Message: "no such digest"}},
		"bad name": {"n", container(0, waiting("InvalidImageName", "?"), nil),
			rollout.Problem{Class: rollout.Image, Node: "n", Reason: "InvalidImageName", Message: "?", Hopeless: true}},
		"no secret": {"n", container(0, waiting("CreateContainerConfigError", `secret "x" not found`), nil),
			rollout.Problem{Class: rollout.Config, Node: "n", Reason: "CreateContainerConfigError", Message: `secret "x" not found`}},
		"crash loop": {"n", container(3, waiting("CrashLoopBackOff", "back-off"), terminated("OOMKilled", 137)),
			rollout.Problem{Class: rollout.Crash, Node: "n", Reason: "CrashLoopBackOff", Message: "it ended with exit code 137 (OOMKilled)", Restarts: 3}},
		"just ended": {"n", container(0, terminated("Error", 1), nil),
			rollout.Problem{Class: rollout.Crash, Node: "n", Reason: "Error", Message: "it ended with exit code 1"}},
		"loading": {"n", container(0, map[string]any{"running": map[string]any{}}, nil),
			rollout.Problem{Class: rollout.Loading, Node: "n", Reason: "NotReady"}},
		"device": {"n", map[string]any{"phase": "Failed", "reason": "UnexpectedAdmissionError", "message": "no device"},
			rollout.Problem{Class: rollout.Device, Node: "n", Reason: "UnexpectedAdmissionError", Message: "no device"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := done(t)
			s.Pods = []rollout.Pod{decode[rollout.Pod](t, kube.Object{
				"metadata": metadata("p", revision), "spec": map[string]any{"nodeName": c.node}, "status": c.status,
			})}
			c.want.Pod = "p"
			if diff := cmp.Diff([]rollout.Problem{c.want}, rollout.Judge(s, goal()).Problems); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestAPodThatTheSchedulerHasNotSeenIsNoProblem(t *testing.T) {
	t.Parallel()
	s := done(t)
	s.Pods = []rollout.Pod{decode[rollout.Pod](t, kube.Object{"metadata": metadata("p", revision)})}
	if got := rollout.Judge(s, goal()).Problems; len(got) != 0 {
		t.Errorf("got %v", got)
	}
}

func TestOnlyTheNewReplicaSetsRefusalCounts(t *testing.T) {
	t.Parallel()
	set := func(rev string) rollout.ReplicaSet {
		m := metadata("rs-"+rev, rev)
		m["ownerReferences"] = []any{map[string]any{"uid": "uid-digits"}}
		return decode[rollout.ReplicaSet](t, kube.Object{"metadata": m, "status": map[string]any{"conditions": []any{
			map[string]any{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "forbidden: exceeded quota"},
		}}})
	}
	s := done(t)
	s.ReplicaSets = []rollout.ReplicaSet{set("old")}
	if got := rollout.Judge(s, goal()).Problems; len(got) != 0 {
		t.Errorf("an old ReplicaSet's refusal counts: %v", got)
	}
	s.ReplicaSets = append(s.ReplicaSets, set(revision))
	want := []rollout.Problem{{Class: rollout.Quota, Reason: "FailedCreate", Message: "forbidden: exceeded quota", Hopeless: true}}
	if diff := cmp.Diff(want, rollout.Judge(s, goal()).Problems); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// What pods that are ending still hold is given back soon: an update in place
// under a full quota is refused its pods for that long.
func TestAQuotaHealsOnlyByPodsThatEnd(t *testing.T) {
	t.Parallel()
	refused := func(message string) rollout.Snapshot {
		s := done(t)
		m := metadata("rs", revision)
		m["ownerReferences"] = []any{map[string]any{"uid": "uid-digits"}}
		s.ReplicaSets = []rollout.ReplicaSet{decode[rollout.ReplicaSet](t, kube.Object{"metadata": m, "status": map[string]any{"conditions": []any{
			map[string]any{"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message},
		}}})}
		return s
	}
	now := "2026-01-01T00:00:00Z"
	for name, c := range map[string]struct {
		message  string
		ending   bool
		class    rollout.Class
		hopeless bool
	}{
		"quota":               {"forbidden: exceeded quota: q", false, rollout.Quota, true},
		"quota for a while":   {"forbidden: exceeded quota: q", true, rollout.Quota, false},
		"rule":                {"forbidden: violates PodSecurity", true, rollout.Admission, true},
		"webhook that is off": {"Internal error occurred: failed calling webhook", false, rollout.Admission, false},
	} {
		s := refused(c.message)
		if c.ending {
			s.Pods[0].Metadata.Deleted = &now
		}
		got := rollout.Judge(s, goal()).Problems
		if len(got) != 1 || got[0].Class != c.class || got[0].Hopeless != c.hopeless {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestTheSecondPodThatANodeRefusesIsHopeless(t *testing.T) {
	t.Parallel()
	s := done(t)
	for i := range s.Pods {
		s.Pods[i].Status.Phase = "Failed"
	}
	got := rollout.Judge(s, goal()).Problems
	if len(got) != 2 || got[0].Hopeless || !got[1].Hopeless {
		t.Errorf("got %v", got)
	}
}

func TestKubernetesGivingUpCountsOnceItHasSeenTheChange(t *testing.T) {
	t.Parallel()
	s := done(t)
	s.Deployment.Status.Conditions = []rollout.Condition{{Type: "Progressing", Status: "False", Reason: "ProgressDeadlineExceeded"}}
	if got := rollout.Judge(s, goal()).Problems; len(got) != 1 || got[0].Class != rollout.Stuck {
		t.Errorf("got %v", got)
	}
	s.Deployment.Metadata.Generation++
	if got := rollout.Judge(s, goal()).Problems; len(got) != 0 {
		t.Errorf("a verdict on the release before counts: %v", got)
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	limits := rollout.Limits{Schedule: 2 * time.Minute, Ready: 10 * time.Minute}
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	status := func(p ...rollout.Problem) rollout.Status { return rollout.Status{Waiting: "w", Problems: p} }
	for name, c := range map[string]struct {
		problem rollout.Problem
		lasts   time.Duration
	}{
		"capacity":      {rollout.Problem{Class: rollout.Capacity}, limits.Schedule},
		"queue":         {rollout.Problem{Class: rollout.Queued}, limits.Schedule},
		"no node fits":  {rollout.Problem{Class: rollout.Placing}, 15 * time.Second},
		"image":         {rollout.Problem{Class: rollout.Image}, 30 * time.Second},
		"first crash":   {rollout.Problem{Class: rollout.Crash}, 20 * time.Second},
		"second crash":  {rollout.Problem{Class: rollout.Crash, Restarts: 2}, 0},
		"loading":       {rollout.Problem{Class: rollout.Loading}, limits.Ready},
		"hopeless":      {rollout.Problem{Class: rollout.Admission, Hopeless: true}, 0},
		"missing thing": {rollout.Problem{Class: rollout.Config}, 15 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := rollout.NewPatience(limits, start)
			at := start.Add(time.Minute) // clocks start when the problem does
			first := p.Look(status(c.problem), at)
			if (first.Failed != nil) != (c.lasts == 0) {
				t.Fatalf("at once: %v", first)
			}
			if c.lasts == 0 {
				return
			}
			if first.Again != c.lasts {
				t.Errorf("look again in %s, want %s", first.Again, c.lasts)
			}
			if v := p.Look(status(c.problem), at.Add(c.lasts-1)); v.Failed != nil {
				t.Errorf("failed too early: %v", v)
			}
			if v := p.Look(status(c.problem), at.Add(c.lasts)); v.Failed == nil || v.Waited != c.lasts {
				t.Errorf("did not fail: %v", v)
			}
		})
	}
}

// The quota is counted anew some time after the pod is gone, and a refusal may be
// as old as that.
func TestAQuotaMayHealAfterPodsHaveEnded(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	refused := []rollout.Problem{{Class: rollout.Quota, Hopeless: true}}
	limits := rollout.Limits{Schedule: time.Minute, Ready: time.Hour}
	if v := rollout.NewPatience(limits, start).Look(rollout.Status{Problems: refused}, start); v.Failed == nil {
		t.Error("a refusal that nothing heals does not fail at once")
	}
	p := rollout.NewPatience(limits, start)
	p.Look(rollout.Status{Ending: 1}, start)
	if v := p.Look(rollout.Status{Problems: refused}, start.Add(time.Second)); v.Failed != nil || v.Again != 29*time.Second {
		t.Errorf("right after: %+v", v)
	}
	if v := p.Look(rollout.Status{Problems: refused}, start.Add(30*time.Second)); v.Failed == nil {
		t.Errorf("long after: %+v", v)
	}
}

func TestEachClockCanBeSet(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, class := range []rollout.Class{
		rollout.Queued, rollout.Quota, rollout.Admission, rollout.Placing, rollout.Image, rollout.Config, rollout.Device, rollout.Crash,
	} {
		limits := rollout.Limits{Schedule: time.Minute, Ready: time.Minute, Waits: map[rollout.Class]time.Duration{class: 90 * time.Second}}
		p := rollout.NewPatience(limits, start)
		problem := rollout.Status{Problems: []rollout.Problem{{Class: class, Restarts: 5}}}
		if v := p.Look(problem, start); v.Failed != nil || v.Again != 90*time.Second {
			t.Errorf("%s: at once %+v", class, v)
		}
		if v := p.Look(problem, start.Add(90*time.Second)); v.Failed == nil || v.Waited != 90*time.Second {
			t.Errorf("%s: after its time %+v", class, v)
		}
	}
	if got, want := (rollout.Limits{Schedule: 1, Ready: 2, Waits: map[rollout.Class]time.Duration{rollout.Queued: 4}}).Total(), time.Duration(7); got != want {
		t.Errorf("in total %s, want %s", got, want)
	}
}

func TestPatienceForgetsWhatHasHealed(t *testing.T) {
	t.Parallel()
	p := rollout.NewPatience(rollout.Limits{Schedule: time.Minute, Ready: time.Hour}, time.Time{}.Add(time.Hour))
	now := time.Time{}.Add(time.Hour)
	full := rollout.Status{Problems: []rollout.Problem{{Class: rollout.Capacity}}}
	p.Look(full, now)
	p.Look(rollout.Status{}, now.Add(50*time.Second))
	p.Look(full, now.Add(55*time.Second))
	if v := p.Look(full, now.Add(70*time.Second)); v.Failed != nil {
		t.Errorf("the clock went on: %v", v)
	}
}

func TestPatienceEnds(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := rollout.NewPatience(rollout.Limits{Schedule: time.Second, Ready: time.Second}, start)
	v := p.Look(rollout.Status{Waiting: "1 of 2 replicas are in the endpoints"}, start.Add(2*time.Second))
	if v.Failed == nil || v.Failed.Class != rollout.Stuck || v.Failed.Message != "1 of 2 replicas are in the endpoints" {
		t.Errorf("got %v", v)
	}
}
