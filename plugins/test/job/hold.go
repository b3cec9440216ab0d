package job

import (
	"slices"
	"strings"

	"github.com/stagegate/stagegate/plugins/internal/obstacle"
)

// Class says what sort of thing holds a Job up. The names are those of the
// failures that users see.
type Class = obstacle.Class

// The classes: those of pods, and those of Jobs.
const (
	Queue     = obstacle.Queue
	Quota     = obstacle.Quota
	Admission = obstacle.Admission
	Capacity  = obstacle.Capacity
	Placement = obstacle.Placement
	Image     = obstacle.Image
	Config    = obstacle.Config
	Device    = obstacle.Device

	QueueFull Class = "quota_never" // there can never be enough quota
	Disrupted Class = "disrupted"   // the cluster took the pod away
	Deadline  Class = "deadline"    // it took too long
	Deleted   Class = "job_deleted" // somebody deleted the Job
	Slow      Class = "not_started" // nothing is known to be wrong
)

// Hold is one thing that holds a Job up.
type Hold = obstacle.Obstacle

// queued is what Kueue says of a Job that it has not let go.
func queued(s Snapshot) *Hold {
	for _, w := range s.Workload {
		if !slices.ContainsFunc(w.Metadata.Owners, func(o struct {
			UID string `json:"uid"`
		}) bool {
			return o.UID == s.Job.Metadata.UID
		}) {
			continue
		}
		for _, kind := range []string{"Evicted", "QuotaReserved", "Admitted"} {
			c := find(w.Status.Conditions, kind)
			if c.Message == "" || (c.Status == "True") != (kind == "Evicted") {
				continue
			}
			h := &Hold{Class: Queue, Reason: c.Reason, Message: c.Message}
			// Older versions have one reason for all, and say the rest in words.
			if kind == "QuotaReserved" && (slices.Contains([]string{"ExceedsMaxQuota", "NoMatchingFlavor", "Misconfigured", "Inadmissible"}, c.Reason) || strings.Contains(c.Message, "maximum capacity")) {
				h.Class, h.Hopeless = QueueFull, true
			}
			return h
		}
	}
	return &Hold{Class: Queue, Reason: "Suspended", Message: "the queue has not let it go yet"}
}

// refused is why there is no pod, as far as the Job's events tell.
func refused(s Snapshot) *Hold {
	var h *Hold
	for _, e := range s.Events {
		if e.Reason != "FailedCreate" {
			continue
		}
		if o, ok := obstacle.Refused(e.Reason, e.Message); ok {
			return &o
		}
		if strings.Contains(e.Message, "error looking up service account") {
			// A release makes its account itself, a moment before; a Job has one that is there or is not.
			return &Hold{Class: Admission, Reason: e.Reason, Message: e.Message, Hopeless: true}
		}
		h = &Hold{Class: Slow, Reason: e.Reason, Message: e.Message}
	}
	return h
}

func unscheduled(p Pod) *Hold {
	c := find(p.Status.Conditions, "PodScheduled")
	if o, ok := obstacle.Unscheduled(c.Status, c.Reason, c.Message); ok {
		return &o
	}
	return nil // the scheduler has not looked at it yet
}

func starting(p Pod) *Hold {
	w := p.state().Waiting
	if w == nil {
		return nil
	}
	if o, ok := obstacle.Waiting(w.Reason, w.Message); ok {
		return &o
	}
	return nil // ContainerCreating, PodInitializing
}
