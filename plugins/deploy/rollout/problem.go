package rollout

import (
	"fmt"
	"strings"
)

// Class says what sort of thing holds a rollout up. The names are those of the
// failures that users see.
type Class string

// The classes.
const (
	Capacity  Class = "unschedulable" // nodes fit, but have no room
	Placing   Class = "unplaceable"   // no node fits, whatever its room
	Queued    Class = "queued"        // a gate keeps the pod from the scheduler
	Admission Class = "admission"     // the API server refuses the pods
	Image     Class = "image"         // image or model cannot be fetched
	Config    Class = "pod_config"    // the pod refers to what is not there
	Crash     Class = "crash"         // the server ends
	Device    Class = "device"        // the node refuses the pod
	Loading   Class = "not_ready"     // it runs, and is not ready
	Stuck     Class = "deadline"      // Kubernetes has given up
)

// Problem is one thing that holds a rollout up.
type Problem struct {
	Class   Class
	Pod     string // empty when it is not about one pod
	Node    string
	Reason  string // Kubernetes' own word
	Message string
	// Hopeless means that waiting cannot help.
	Hopeless bool
	// Restarts of the container, when it crashes.
	Restarts int
	// Devices and Selector are what the pod asks of a node that it has not got.
	Devices  map[string]int64
	Selector map[string]string
}

// problems lists what is wrong, the surest first.
func problems(s Snapshot, goal Goal, pods []Pod, observed bool) []Problem {
	var out []Problem
	for _, rs := range s.ReplicaSets {
		// The Deployment's own condition may still tell of an older ReplicaSet,
		// and may say that all is well while this one is refused its pods.
		if rs.Metadata.revision() != goal.Revision || !rs.Metadata.ownedBy(s.Deployment.Metadata.UID) {
			continue
		}
		if c := find(rs.Status.Conditions, "ReplicaFailure"); c.Status == "True" {
			out = append(out, Problem{Class: Admission, Reason: c.Reason, Message: c.Message, Hopeless: true})
		}
	}
	refused := 0
	for _, p := range pods {
		problem, ok := podProblem(p)
		if !ok {
			continue
		}
		if problem.Class == Device {
			// The controller makes a new pod for each that a node refuses: one
			// may be a race with another, the second is none.
			refused++
			problem.Hopeless = refused > 1
		}
		out = append(out, problem)
	}
	if c := find(s.Deployment.Status.Conditions, "Progressing"); observed && c.Status == "False" {
		out = append(out, Problem{Class: Stuck, Reason: c.Reason, Message: c.Message, Hopeless: true})
	}
	return out
}

// podProblem is what holds one pod up.
func podProblem(p Pod) (Problem, bool) {
	about := Problem{Pod: p.Metadata.Name, Node: p.Spec.NodeName}
	if p.Status.Phase == "Failed" {
		about.Class, about.Reason, about.Message = Device, p.Status.Reason, p.Status.Message
		return about, true
	}
	if p.Spec.NodeName == "" {
		return unscheduled(p, about)
	}
	for _, c := range p.Status.Containers {
		if problem, ok := containerProblem(c, about); ok {
			return problem, true
		}
	}
	if !p.ready() {
		about.Class, about.Reason = Loading, "NotReady"
		about.Message = find(p.Status.Conditions, "Ready").Message
		return about, true
	}
	return Problem{}, false
}

func unscheduled(p Pod, about Problem) (Problem, bool) {
	c := find(p.Status.Conditions, "PodScheduled")
	about.Reason, about.Message = c.Reason, c.Message
	about.Devices, about.Selector = p.devices(), p.Spec.NodeSelector
	switch {
	case c.Status != "False":
		return Problem{}, false // the scheduler has not looked at it yet
	case c.Reason == "SchedulingGated":
		about.Class = Queued
	case strings.Contains(c.Message, "Insufficient ") || strings.Contains(c.Message, "Too many pods"):
		about.Class = Capacity
	default:
		about.Class = Placing
	}
	return about, true
}

func containerProblem(c ContainerStatus, about Problem) (Problem, bool) {
	if c.State.Terminated != nil {
		about.Class, about.Reason, about.Restarts = Crash, c.State.Terminated.Reason, c.RestartCount
		about.Message = ended(c.State)
		return about, true
	}
	if c.State.Waiting == nil {
		return Problem{}, false
	}
	about.Reason, about.Message = c.State.Waiting.Reason, c.State.Waiting.Message
	switch about.Reason {
	case "ErrImagePull", "ImagePullBackOff", "ImageInspectError", "ErrImageNeverPull", "RegistryUnavailable",
		"SignatureValidationFailed":
		about.Class = Image
	case "InvalidImageName":
		about.Class, about.Hopeless = Image, true
	case "CreateContainerConfigError", "CreateContainerError", "RunContainerError":
		about.Class = Config
	case "CrashLoopBackOff":
		about.Class, about.Restarts = Crash, c.RestartCount
		about.Message = ended(c.LastState)
	default:
		return Problem{}, false // ContainerCreating, PodInitializing
	}
	return about, true
}

// ended says how a container ended, in one line.
func ended(s ContainerState) string {
	t := s.Terminated
	if t == nil {
		return "it ended"
	}
	text := fmt.Sprintf("it ended with exit code %d", t.ExitCode)
	if t.Reason != "" && t.Reason != "Error" && t.Reason != "Completed" {
		text += " (" + t.Reason + ")"
	}
	if t.Message != "" {
		text += ": " + t.Message
	}
	return text
}
