package kubernetes

import (
	"fmt"

	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/sdk"
)

// tell says what is new: the progress, and each problem once.
func (f *follower) tell(status rollout.Status) {
	f.out.Progress("replicas ready", int64(status.Ready), int64(f.handle.Release.Replicas), "replicas")
	if status.Waiting != "" {
		f.say(status.Waiting)
	}
	for _, p := range status.Problems {
		if p.Class == rollout.Loading {
			continue // every pod starts that way
		}
		f.say(about(p))
	}
}

func (f *follower) say(line string) {
	const most = 1000 // distinct lines of one rollout
	if f.said[line] || len(f.said) >= most {
		return
	}
	f.said[line] = true
	fmt.Fprintln(f.out.Stdout(), line)
}

// about is a problem in one line.
func about(p rollout.Problem) string {
	line := p.Reason
	if p.Message != "" && line != "" {
		line += ": "
	}
	line += p.Message
	if p.Pod == "" {
		return line
	}
	if p.Node != "" {
		return fmt.Sprintf("pod %s on %s: %s", p.Pod, p.Node, line)
	}
	return fmt.Sprintf("pod %s: %s", p.Pod, line)
}

// rollout is a status in the words of the contract.
func (f *follower) rollout(phase sdk.RolloutPhase, status rollout.Status) sdk.Rollout {
	out := sdk.Rollout{
		Phase: phase, Message: status.Waiting,
		Replicas: f.handle.Release.Replicas, Ready: status.Ready,
	}
	nodes := make(map[string]bool)
	for _, p := range status.Placements {
		out.Placements = append(out.Placements, sdk.Placement{Replica: p.Pod, Node: p.Node, Devices: p.Devices, Ready: p.Ready})
		nodes[p.Node] = true
	}
	if phase == sdk.Healthy {
		out.Message = fmt.Sprintf("%d of %d replicas serve on %s", status.Ready, out.Replicas, count(len(nodes), "node"))
	}
	return out
}
