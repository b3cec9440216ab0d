package kubernetes

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/capacity"
	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// failure says why a rollout has ended without success.
func (f *follower) failure(ctx context.Context, watch *cluster.Watch, status rollout.Status, v rollout.Verdict) *sdk.Failure {
	p := *v.Failed
	if err := watch.Err(); err != nil && p.Class == rollout.Stuck {
		if failure, ok := explain(err).(*sdk.Failure); ok { //nolint:errorlint // explain returns it bare
			return failure
		}
	}
	waited := v.Waited.Round(time.Second)
	out := &sdk.Failure{Class: string(p.Class), Summary: about(p)}
	switch p.Class {
	case rollout.Capacity:
		out.Summary = f.unscheduled(status) + " cannot be scheduled: " + p.Message
		out.Detail = f.room(ctx, p) + fmt.Sprintf("This lasted %s, and schedule_timeout is %s. Free accelerators, ask for fewer, or replace pods in place with max_surge = 0 and max_unavailable = 1.",
			waited, f.handle.Limits.limits().Schedule)
	case rollout.Placing:
		out.Summary = f.unscheduled(status) + " fit no node: " + p.Message
		out.Detail = "The scheduler's words are above. Compare node_selector with the nodes' labels, and the nodes' taints with the accelerator that is asked for."
	case rollout.Queued:
		out.Detail = gated(p)
	case rollout.Quota:
		out.Detail = "The namespace's quota lets no more pods in; what is used and what is asked for is above. Ask for less, have the quota raised, or replace pods in place with max_surge = 0 and max_unavailable = 1."
	case rollout.Admission:
		out.Detail = "The API server refuses the pods, so that none is made. A limit range, the namespace's pod security level or an admission webhook says no; its words are above."
	case rollout.Image:
		out.Detail = "The node cannot fetch the image or the model. Check that the registry is reachable from the nodes, that the digest is there, and that pull_secret names valid credentials."
	case rollout.Config:
		out.Detail = "The pod refers to something that is not there. Check the Secrets and keys that secret_env names."
	case rollout.Crash:
		out.Detail = "The server ends soon after its start. The end of its output is in this stage's log, if the node keeps it."
		f.logs(ctx, p)
	case rollout.Device:
		out.Detail = "The node refuses the pod when it arrives, as it does when a device is gone or shared devices are asked for more than once. Look at the device plugin on that node."
	case rollout.Loading:
		out.Detail = fmt.Sprintf("It runs and has not been ready for %s, and ready_timeout is %s. Check the readiness path and port, and how long the model takes to load.",
			waited, f.handle.Limits.limits().Ready)
	case rollout.Stuck:
		out.Summary = "the rollout does not go on: " + p.Message
		out.Detail = fmt.Sprintf("It was followed for %s: schedule_timeout and ready_timeout are %s together.", waited, f.handle.Limits.limits().Schedule+f.handle.Limits.limits().Ready)
	}
	if clock := f.handle.Limits.clockOf(p.Class); clock != "" && !p.Hopeless {
		out.Detail += fmt.Sprintf(" This lasted %s, and %s.", waited, clock)
	}
	out.Detail += f.left(status)
	return out
}

// gated says what keeps pods from the scheduler.
func gated(p rollout.Problem) string {
	if len(p.Gates) == 0 {
		return "A scheduling gate keeps the pod from the scheduler. Look at whatever sets the gate, for example a queue."
	}
	text := fmt.Sprintf("It waits for the scheduling gate %s to be taken away.", strings.Join(p.Gates, ", "))
	if slices.Contains(p.Gates, "kueue.x-k8s.io/admission") {
		text += fmt.Sprintf(" That is Kueue's: it waits for quota of its queue. Its workload says why: kubectl describe workload, in the namespace of pod %s.", p.Pod)
	}
	return text
}

// left says what there still is in spite of the failure.
func (f *follower) left(status rollout.Status) string {
	if status.Old > 0 {
		return fmt.Sprintf(" The release before still has %s.", count(status.Old, "pod"))
	}
	return ""
}

func (f *follower) unscheduled(status rollout.Status) string {
	n := 0
	for _, p := range status.Placements {
		if p.Node == "" {
			n++
		}
	}
	return fmt.Sprintf("%d of %s", n, count(f.handle.Release.Replicas, "pod"))
}

// room is the arithmetic behind an unschedulable pod.
func (f *follower) room(ctx context.Context, p rollout.Problem) string {
	var b strings.Builder
	seen, _, err := see(ctx, f.client, f.handle.Namespace)
	for _, name := range slices.Sorted(maps.Keys(p.Devices)) {
		fmt.Fprintf(&b, "Each pod needs %d %s", p.Devices[name], name)
		found := seen.Rooms(name, p.Selector)
		switch {
		case err != nil:
			b.WriteString("; what is free could not be read. ")
		case len(found) == 0:
			b.WriteString("; no node offers it. ")
		default:
			fmt.Fprintf(&b, "; per node: %s. ", capacity.Describe(found))
		}
	}
	return b.String()
}

// logs copies the end of a crashed container's output. That it cannot be had
// is no reason to hide the crash.
func (f *follower) logs(ctx context.Context, p rollout.Problem) {
	const lines = 50
	ref := kube.Ref{Kind: "Pod", Namespace: f.handle.Namespace, Name: p.Pod}
	raw, err := f.client.Logs(ctx, ref, manifest.ContainerName, lines, p.Restarts > 0)
	if err != nil || len(bytes.TrimSpace(raw)) == 0 {
		return
	}
	fmt.Fprintf(f.out.Stderr(), "The last %d lines of pod %s:\n%s\n", lines, p.Pod, bytes.TrimRight(raw, "\n"))
}
