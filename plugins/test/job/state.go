package job

import (
	"cmp"
	"slices"

	"github.com/stagegate/stagegate/plugins/internal/obstacle"
)

// Phase is how far a Job has come.
type Phase int

// The phases.
const (
	Queued   Phase = iota // it has no quota yet
	Making                // its pod has not been made
	Placing               // its pod has no node
	Starting              // its container does not run yet
	Running
	Ended // with an exit code
	Lost  // without one
)

// State is how a Job stands.
type State struct {
	Phase     Phase
	Pod, Node string
	Hold      *Hold // what keeps it from the next phase, or why it is lost
	Exit      *Exit
}

// Exit is how the container ended.
type Exit struct {
	Code            int
	Reason, Message string
}

// Judge says how a Job stands.
func Judge(s Snapshot) State {
	if s.Job == nil {
		return lost(State{}, Deleted, "Deleted", "somebody has deleted the Job")
	}
	pod, ok := current(s.Pods)
	if ok && (pod.Metadata.Deleted == nil || !s.Job.Spec.Suspend) {
		if state, ok := withPod(pod); ok {
			return state
		}
	}
	for _, kind := range []string{"Failed", "FailureTarget"} {
		if c := find(s.Job.Status.Conditions, kind); c.Status == "True" {
			class := Disrupted // its pod is gone, and nobody has seen it end
			if c.Reason == "DeadlineExceeded" {
				class = Deadline
			}
			return lost(State{Pod: pod.Metadata.Name, Node: pod.Spec.NodeName}, class, c.Reason, c.Message)
		}
	}
	switch {
	case find(s.Job.Status.Conditions, "Complete").Status == "True":
		return State{Phase: Ended, Pod: pod.Metadata.Name, Node: pod.Spec.NodeName, Exit: &Exit{}}
	case s.Job.Spec.Suspend:
		return State{Phase: Queued, Hold: queued(s)}
	case !ok:
		return State{Phase: Making, Hold: refused(s)}
	}
	return alive(pod)
}

// current is the pod that counts: the newest that is not on its way out, or else
// the newest.
func current(pods []Pod) (Pod, bool) {
	if len(pods) == 0 {
		return Pod{}, false
	}
	return slices.MaxFunc(pods, func(a, b Pod) int {
		if gone, other := a.Metadata.Deleted != nil, b.Metadata.Deleted != nil; gone != other {
			if gone {
				return -1
			}
			return 1
		}
		return cmp.Or(cmp.Compare(a.Metadata.Created, b.Metadata.Created), cmp.Compare(a.Metadata.Name, b.Metadata.Name))
	}), true
}

// withPod is the state of a pod that has ended, one way or the other.
func withPod(p Pod) (State, bool) {
	state := State{Pod: p.Metadata.Name, Node: p.Spec.NodeName}
	t := p.state().Terminated
	// What was killed says nothing of the test, and what had ended well was done.
	if c := find(p.Status.Conditions, "DisruptionTarget"); c.Status == "True" && (t == nil || t.ExitCode != 0) {
		return lost(state, Disrupted, c.Reason, c.Message), true
	}
	if t != nil {
		state.Phase, state.Exit = Ended, &Exit{Code: t.ExitCode, Reason: t.Reason, Message: t.Message}
		return state, true
	}
	switch p.Status.Phase {
	case "Succeeded":
		state.Phase, state.Exit = Ended, &Exit{}
		return state, true
	case "Failed":
		class := Disrupted
		switch {
		case p.Status.Reason == "DeadlineExceeded":
			class = Deadline
		case obstacle.ByNode(p.Status.Reason):
			class = Device
		}
		return lost(state, class, p.Status.Reason, p.Status.Message), true
	}
	return State{}, false
}

// alive is the state of a pod that has not ended.
func alive(p Pod) State {
	state := State{Pod: p.Metadata.Name, Node: p.Spec.NodeName}
	switch {
	case p.Metadata.Deleted != nil:
		// The Job will say why.
		state.Phase, state.Hold = Running, &Hold{Class: Disrupted, Reason: "Deleted", Message: "the pod is being deleted"}
	case p.Spec.NodeName == "":
		state.Phase, state.Hold = Placing, unscheduled(p)
		if state.Hold != nil && state.Hold.Class == Queue {
			state.Phase = Queued
		}
	case p.state().Running != nil:
		state.Phase = Running
	default:
		state.Phase, state.Hold = Starting, starting(p)
	}
	return state
}

func lost(state State, class Class, reason, message string) State {
	state.Phase, state.Hold = Lost, &Hold{Class: class, Reason: reason, Message: message, Hopeless: true}
	return state
}
