package rollout_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

const revision = "0a1b2c3d"

// goal of all tests here.
func goal() rollout.Goal { return rollout.Goal{Name: "digits", Revision: revision, Replicas: 2} }

func decode[T any](t *testing.T, o kube.Object) T {
	t.Helper()
	out, err := rollout.Decode[T](o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func metadata(name, rev string) map[string]any {
	return map[string]any{"name": name, "uid": "uid-" + name, "labels": map[string]any{manifest.LabelRevision: rev}}
}

func pod(t *testing.T, name, rev, node string, ready bool) rollout.Pod {
	t.Helper()
	status := "False"
	if ready {
		status = "True"
	}
	return decode[rollout.Pod](t, kube.Object{
		"metadata": metadata(name, rev),
		"spec": map[string]any{"nodeName": node, "containers": []any{map[string]any{
			"resources": map[string]any{"limits": map[string]any{"nvidia.com/gpu": "2", "cpu": "500m"}},
		}}},
		"status": map[string]any{"phase": "Running", "conditions": []any{map[string]any{"type": "Ready", "status": status}}},
	})
}

func endpoints(t *testing.T, ready bool, pods ...string) rollout.EndpointSlice {
	t.Helper()
	var list []any
	for _, name := range pods {
		list = append(list, map[string]any{
			"conditions": map[string]any{"ready": ready}, "targetRef": map[string]any{"kind": "Pod", "name": name},
		})
	}
	return decode[rollout.EndpointSlice](t, kube.Object{"endpoints": list})
}

// done is a snapshot of a rollout that is done.
func done(t *testing.T) rollout.Snapshot {
	t.Helper()
	d := decode[rollout.Deployment](t, kube.Object{
		"metadata": map[string]any{"name": "digits", "uid": "uid-digits", "generation": 2},
		"spec":     map[string]any{"replicas": 2, "template": map[string]any{"metadata": metadata("", revision)}},
		"status": map[string]any{
			"observedGeneration": 2, "replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2,
		},
	})
	return rollout.Snapshot{
		Deployment: &d,
		Pods:       []rollout.Pod{pod(t, "b", revision, "n2", true), pod(t, "a", revision, "n1", true)},
		Endpoints:  []rollout.EndpointSlice{endpoints(t, true, "a"), endpoints(t, true, "b")},
	}
}

func TestJudgeWhatIsDone(t *testing.T) {
	t.Parallel()
	got := rollout.Judge(done(t), goal())
	gpus := map[string]int64{"nvidia.com/gpu": 2}
	want := rollout.Status{Applied: true, Done: true, Updated: 2, Ready: 2, Placements: []rollout.Placement{
		{Pod: "a", Node: "n1", Devices: gpus, Ready: true}, {Pod: "b", Node: "n2", Devices: gpus, Ready: true},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Each of these once was taken for a finished rollout by some tool.
func TestJudgeWhatIsNotDone(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rollout.Snapshot)
		want   string
	}{
		"gone":               {func(s *rollout.Snapshot) { s.Deployment = nil }, "has not been applied"},
		"another revision":   {func(s *rollout.Snapshot) { s.Deployment.Spec.Template.Metadata.Labels = nil }, "has not been applied"},
		"not observed":       {func(s *rollout.Snapshot) { s.Deployment.Metadata.Generation = 3 }, "has not seen the change"},
		"not all made":       {func(s *rollout.Snapshot) { s.Deployment.Status.UpdatedReplicas = 1 }, "1 of 2 replicas have been made"},
		"not all ready":      {func(s *rollout.Snapshot) { s.Deployment.Status.ReadyReplicas = 1 }, "1 of 2 replicas are ready"},
		"not all available":  {func(s *rollout.Snapshot) { s.Deployment.Status.AvailableReplicas = 0 }, "0 of 2 replicas are ready"},
		"old replicas":       {func(s *rollout.Snapshot) { s.Deployment.Status.Replicas = 3 }, "1 old replicas are still there"},
		"no endpoints":       {func(s *rollout.Snapshot) { s.Endpoints = nil }, "0 of 2 replicas are in the endpoints"},
		"endpoint not ready": {func(s *rollout.Snapshot) { s.Endpoints[0] = endpoints(t, false, "a") }, "1 of 2 replicas are in the endpoints"},
		"old endpoint":       {func(s *rollout.Snapshot) { s.Endpoints[0] = endpoints(t, true, "a", "old") }, "1 old replicas are still in the endpoints"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := done(t)
			c.change(&s)
			got := rollout.Judge(s, goal())
			if got.Done || !strings.Contains(got.Waiting, c.want) {
				t.Errorf("got done %v, waiting %q, want %q", got.Done, got.Waiting, c.want)
			}
		})
	}
}

func TestAPodOnItsWayOutIsNoPlacement(t *testing.T) {
	t.Parallel()
	s := done(t)
	gone := "2026-01-01T00:00:00Z"
	s.Pods[0].Metadata.Deleted = &gone
	s.Pods[1].Status.Phase = "Failed"
	if got := rollout.Judge(s, goal()).Placements; len(got) != 0 {
		t.Errorf("got %v", got)
	}
}
