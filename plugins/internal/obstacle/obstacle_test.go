package obstacle_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stagegate/stagegate/plugins/internal/obstacle"
)

func TestRefused(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]obstacle.Obstacle{
		`pods "p" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1`: {Class: obstacle.Quota, Hopeless: true},
		`pods "p" is forbidden: failed quota: q: must specify cpu`:                                   {Class: obstacle.Quota, Hopeless: true},
		`pods "p" is forbidden: violates PodSecurity "restricted:latest"`:                            {Class: obstacle.Admission, Hopeless: true},
		`admission webhook "x" denied the request: no`:                                               {Class: obstacle.Admission, Hopeless: true},
		`Pod "p" is invalid: spec.x`:                                                                 {Class: obstacle.Admission, Hopeless: true},
		`Internal error occurred: failed calling webhook "x": forbidden`:                             {},
		`pods "p" is forbidden: error looking up service account n/a: not found`:                     {},
		`etcdserver: request timed out`:                                                              {},
	} {
		got, ok := obstacle.Refused("FailedCreate", message)
		if ok {
			want.Reason, want.Message = "FailedCreate", message
		}
		if diff := cmp.Diff(want, got); diff != "" || ok != (want.Class != "") {
			t.Errorf("%s (-want +got):\n%s", message, diff)
		}
	}
}

func TestUnscheduled(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]obstacle.Class{
		"0/2 nodes are available: 2 Insufficient nvidia.com/gpu.":                       obstacle.Capacity,
		"1 Insufficient cpu, 1 node(s) had untolerated taint {x}":                       obstacle.Capacity,
		"0/1 nodes are available: 1 Too many pods.":                                     obstacle.Capacity,
		"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.": obstacle.Placement,
	} {
		if got, ok := obstacle.Unscheduled("False", "Unschedulable", message); !ok || got.Class != want || got.Hopeless {
			t.Errorf("%s: got %+v", message, got)
		}
	}
	if got, ok := obstacle.Unscheduled("False", "SchedulingGated", "gates"); !ok || got.Class != obstacle.Queue {
		t.Errorf("gated: got %+v", got)
	}
	if _, ok := obstacle.Unscheduled("", "", ""); ok {
		t.Error("a pod that nobody has looked at has an obstacle")
	}
}

func TestWaiting(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]obstacle.Obstacle{
		"ErrImagePull":               {Class: obstacle.Image},
		"InvalidImageName":           {Class: obstacle.Image, Hopeless: true},
		"CreateContainerConfigError": {Class: obstacle.Config},
		"ContainerCreating":          {},
		"PodInitializing":            {},
	} {
		got, ok := obstacle.Waiting(reason, "m")
		if ok {
			want.Reason, want.Message = reason, "m"
		}
		if got != want {
			t.Errorf("%s: got %+v", reason, got)
		}
	}
}

func TestByNode(t *testing.T) {
	t.Parallel()
	for reason, want := range map[string]bool{
		"UnexpectedAdmissionError": true, "OutOfnvidia.com/gpu": true, "NodeAffinity": true, "Evicted": false, "": false,
	} {
		if got := obstacle.ByNode(reason); got != want {
			t.Errorf("%s: got %v", reason, got)
		}
	}
	if got := (obstacle.Obstacle{Reason: "A", Message: "b"}).String(); got != "A: b" {
		t.Errorf("got %q", got)
	}
}
