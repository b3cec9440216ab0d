package job

import (
	"slices"
	"strings"
)

// Class says what sort of thing holds a Job up. The names are those of the
// failures that users see.
type Class string

// The classes.
const (
	Queue     Class = "queued"        // it waits for quota
	QueueFull Class = "quota_never"   // there can never be enough quota
	Quota     Class = "quota"         // the namespace's quota refuses the pod
	Admission Class = "admission"     // the API server refuses the pod
	Capacity  Class = "unschedulable" // nodes fit, but have no room
	Placement Class = "unplaceable"   // no node fits, whatever its room
	Image     Class = "image"         // image or artifact cannot be fetched
	Config    Class = "pod_config"    // the pod refers to what is not there
	Device    Class = "device"        // the node refuses the pod
	Disrupted Class = "disrupted"     // the cluster took the pod away
	Deadline  Class = "deadline"      // it took too long
	Deleted   Class = "job_deleted"   // somebody deleted the Job
	Slow      Class = "not_started"   // nothing is known to be wrong
)

// Hold is one thing that holds a Job up.
type Hold struct {
	Class   Class
	Reason  string // Kubernetes' own word
	Message string
	// Hopeless means that waiting cannot help.
	Hopeless bool
}

// String is the hold in one line.
func (h Hold) String() string {
	if h.Message == "" || h.Reason == "" {
		return h.Reason + h.Message
	}
	return h.Reason + ": " + h.Message
}

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
		h = &Hold{Class: Slow, Reason: e.Reason, Message: e.Message}
		switch {
		case strings.Contains(e.Message, "exceeded quota"), strings.Contains(e.Message, "failed quota"):
			h.Class, h.Hopeless = Quota, true
		case strings.Contains(e.Message, "failed calling webhook"):
			continue // it may come back
		case strings.Contains(e.Message, "forbidden"), strings.Contains(e.Message, "denied the request"), strings.Contains(e.Message, "is invalid"):
			h.Class, h.Hopeless = Admission, true
		}
		if h.Hopeless {
			return h
		}
	}
	return h
}

func unscheduled(p Pod) *Hold {
	c := find(p.Status.Conditions, "PodScheduled")
	h := &Hold{Class: Placement, Reason: c.Reason, Message: c.Message}
	switch {
	case c.Status != "False":
		return nil // the scheduler has not looked at it yet
	case c.Reason == "SchedulingGated":
		h.Class = Queue
	case strings.Contains(c.Message, "Insufficient ") || strings.Contains(c.Message, "Too many pods"):
		h.Class = Capacity
	}
	return h
}

func starting(p Pod) *Hold {
	w := p.state().Waiting
	if w == nil {
		return nil
	}
	h := &Hold{Reason: w.Reason, Message: w.Message}
	switch w.Reason {
	case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "ErrImageNeverPull", "RegistryUnavailable", "SignatureValidationFailed":
		h.Class = Image
	case "InvalidImageName":
		h.Class, h.Hopeless = Image, true
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		h.Class = Config
	default:
		return nil // ContainerCreating, PodInitializing
	}
	return h
}
