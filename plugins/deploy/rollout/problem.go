package rollout

import (
	"fmt"

	"github.com/stagegate/stagegate/plugins/internal/obstacle"
)

// Class says what sort of thing holds a rollout up. The names are those of the
// failures that users see.
type Class = obstacle.Class

// The classes: those of pods, and those of servers.
const (
	Capacity  = obstacle.Capacity
	Placing   = obstacle.Placement
	Queued    = obstacle.Queue
	Quota     = obstacle.Quota
	Admission = obstacle.Admission
	Image     = obstacle.Image
	Config    = obstacle.Config
	Device    = obstacle.Device

	Crash   Class = "crash"     // the server ends
	Loading Class = "not_ready" // it runs, and is not ready
	Stuck   Class = "deadline"  // Kubernetes has given up
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
	// Gates are what keeps the pod from the scheduler.
	Gates []string
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
			out = append(out, refusal(c, s.Pods))
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

// refusal is why the API server lets no more pods in. Those that are ending
// count for a quota until they are gone: what is refused for their sake heals by
// itself, and nothing else of a quota does.
func refusal(c Condition, pods []Pod) Problem {
	o, ok := obstacle.Refused(c.Reason, c.Message)
	if !ok {
		return Problem{Class: Admission, Reason: c.Reason, Message: c.Message}
	}
	p, _ := Problem{}.by(o, true)
	if p.Class == Quota && ending(pods) > 0 {
		p.Hopeless = false
	}
	return p
}

func ending(pods []Pod) int {
	n := 0
	for _, pod := range pods {
		if pod.Metadata.Deleted != nil {
			n++
		}
	}
	return n
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
	about.Devices, about.Selector = p.devices(), p.Spec.NodeSelector
	about, ok := about.by(obstacle.Unscheduled(c.Status, c.Reason, c.Message))
	for _, gate := range p.Spec.Gates {
		about.Gates = append(about.Gates, gate.Name)
	}
	return about, ok
}

// by is the problem with an obstacle, if there is one.
func (p Problem) by(o obstacle.Obstacle, ok bool) (Problem, bool) {
	if !ok {
		return Problem{}, false
	}
	p.Class, p.Reason, p.Message, p.Hopeless = o.Class, o.Reason, o.Message, o.Hopeless
	return p, true
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
	if c.State.Waiting.Reason == "CrashLoopBackOff" {
		about.Class, about.Reason, about.Restarts = Crash, c.State.Waiting.Reason, c.RestartCount
		about.Message = ended(c.LastState)
		return about, true
	}
	return about.by(obstacle.Waiting(c.State.Waiting.Reason, c.State.Waiting.Message))
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
