package rollout

import (
	"cmp"
	"fmt"
	"slices"
)

// Status is how a rollout stands.
type Status struct {
	// Applied is false when the Deployment has another revision, or none.
	Applied bool
	// Done means that every replica of the goal, and no other, serves.
	Done       bool
	Updated    int // replicas of the goal's revision
	Ready      int // of these, those that are ready and in the endpoints
	Old        int // replicas of other revisions
	Ending     int // pods of any revision that are on their way out
	Waiting    string
	Placements []Placement
	Problems   []Problem
}

// Placement is one pod on one node.
type Placement struct {
	Pod     string
	Node    string
	Devices map[string]int64
	Ready   bool
}

// Judge compares a snapshot with the goal.
func Judge(s Snapshot, goal Goal) Status {
	if s.Deployment == nil || s.Deployment.Revision() != goal.Revision {
		return Status{Waiting: "the Deployment has not been applied"}
	}
	serving := servingPods(s.Endpoints)
	pods := currentPods(s, goal)
	status := Status{Applied: true, Placements: placements(pods, serving)}
	current := make(map[string]bool, len(pods))
	for _, p := range pods {
		current[p.Metadata.Name] = true
		if p.ready() && serving[p.Metadata.Name] {
			status.Ready++
		}
	}
	strangers := 0
	for name := range serving {
		if !current[name] {
			strangers++
		}
	}
	d := s.Deployment.Status
	observed := d.ObservedGeneration >= s.Deployment.Metadata.Generation
	if observed {
		status.Updated = d.UpdatedReplicas
		status.Old = max(d.Replicas-d.UpdatedReplicas, 0)
	}
	status.Waiting = waiting(s, goal, status, observed, strangers)
	status.Done = status.Waiting == ""
	status.Ending = ending(s.Pods)
	status.Problems = problems(s, goal, pods, observed)
	return status
}

// waiting is the first thing that is missing, in the order in which Kubernetes
// gets there. Looking at the Deployment alone would call a rollout done before
// the endpoints send it a single request.
func waiting(s Snapshot, goal Goal, status Status, observed bool, strangers int) string {
	d := s.Deployment.Status
	switch {
	case !observed:
		return "the Deployment controller has not seen the change yet"
	case d.UpdatedReplicas < goal.Replicas:
		return fmt.Sprintf("%d of %d replicas have been made", d.UpdatedReplicas, goal.Replicas)
	case d.ReadyReplicas < goal.Replicas || d.AvailableReplicas < goal.Replicas:
		return fmt.Sprintf("%d of %d replicas are ready", min(d.ReadyReplicas, d.AvailableReplicas), goal.Replicas)
	case d.Replicas > goal.Replicas:
		return fmt.Sprintf("%d old replicas are still there", d.Replicas-goal.Replicas)
	case status.Ready < goal.Replicas:
		return fmt.Sprintf("%d of %d replicas are in the endpoints", status.Ready, goal.Replicas)
	case strangers > 0:
		return fmt.Sprintf("%d old replicas are still in the endpoints", strangers)
	}
	return ""
}

// servingPods are the pods that the endpoints call ready.
func servingPods(slicesOf []EndpointSlice) map[string]bool {
	out := make(map[string]bool)
	for _, s := range slicesOf {
		for _, e := range s.Endpoints {
			if e.Target != nil && e.Target.Kind == "Pod" && (e.Conditions.Ready == nil || *e.Conditions.Ready) {
				out[e.Target.Name] = true
			}
		}
	}
	return out
}

// currentPods are those of the goal's revision that are not on their way out.
func currentPods(s Snapshot, goal Goal) []Pod {
	var out []Pod
	for _, p := range s.Pods {
		if p.Metadata.revision() == goal.Revision && p.Metadata.Deleted == nil {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b Pod) int { return cmp.Compare(a.Metadata.Name, b.Metadata.Name) })
	return out
}

func (p Pod) ready() bool { return find(p.Status.Conditions, "Ready").Status == "True" }

func placements(pods []Pod, serving map[string]bool) []Placement {
	var out []Placement
	for _, p := range pods {
		if p.Status.Phase == "Failed" || p.Status.Phase == "Succeeded" {
			continue // it holds nothing any more
		}
		out = append(out, Placement{
			Pod:     p.Metadata.Name,
			Node:    p.Spec.NodeName,
			Devices: p.devices(),
			Ready:   p.ready() && serving[p.Metadata.Name],
		})
	}
	return out
}
