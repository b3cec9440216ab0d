package kubernetes

import (
	"errors"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/test/job"
	"github.com/stagegate/stagegate/sdk"
)

// The classes of failure that are not package job's.
const (
	classUnreachable = "cluster_unreachable"
	classAccess      = "access_missing"
	classNamespace   = "namespace_missing"
	classQueue       = "queue_missing"
	classRefused     = "object_refused"
	classCommand     = "command_failed"
	classMemory      = "out_of_memory"
)

// explain says what a cluster's answer means for the user. Errors that are not
// the cluster's pass through.
func explain(err error) error {
	e, ok := errors.AsType[*cluster.Error](err)
	if !ok {
		return err
	}
	f := &sdk.Failure{Broken: true, Cause: e}
	switch e.Kind {
	case cluster.NoAccess:
		f.Summary, f.Class = "No cluster can be used", classUnreachable
		f.Detail = fmt.Sprintf("The kubeconfig was looked for in: %s. Set the argument kubeconfig, or KUBECONFIG where the runner is started.", e.Source)
	case cluster.Unreachable:
		f.Summary, f.Class, f.Transient = fmt.Sprintf("The cluster at %s cannot be reached", e.Address), classUnreachable, true
		f.Detail = fmt.Sprintf("The address comes from %s. Check that the cluster runs, that the address is right, and that this machine may connect to it.", e.Source)
	case cluster.Busy:
		f.Summary, f.Class, f.Transient = fmt.Sprintf("The cluster at %s cannot serve now", e.Address), classUnreachable, true
		f.Detail = "It was asked several times. Look at the health of its API server and admission webhooks."
	case cluster.Unauthorized:
		f.Summary, f.Class = fmt.Sprintf("The cluster at %s does not accept the credentials", e.Address), classAccess
		f.Detail = fmt.Sprintf("They come from %s and may have expired.", e.Source)
	case cluster.Forbidden:
		f.Summary, f.Class = "The cluster does not allow it", classAccess
		f.Detail = fmt.Sprintf("The credentials come from %s. A right may be missing, or an admission rule or a quota may forbid the object.", e.Source)
	case cluster.Invalid, cluster.NotFound, cluster.Conflict:
		f.Summary, f.Class = "The cluster refuses the Job", classRefused
		f.Detail = "The API server's reason is above."
	case cluster.Other:
		f.Summary, f.Class = "The cluster gave an answer that is not understood", classRefused
		f.Detail = fmt.Sprintf("The cluster is %s.", e.Address)
	}
	return f
}

// held is the failure of a Job that did not come to its own end.
func (s *session) held(state job.State, h job.Hold, waited time.Duration) *sdk.Failure {
	f := &sdk.Failure{Class: string(h.Class), Broken: true}
	after := ""
	if waited >= time.Second {
		after = fmt.Sprintf(" after %s", waited.Round(time.Second))
	}
	where := "the Job " + s.spec.Namespace + "/" + s.spec.Name
	if state.Pod != "" {
		where = "the pod " + s.spec.Namespace + "/" + state.Pod
		if state.Node != "" {
			where += " on " + state.Node
		}
	}
	what, remedy, transient := meaning(h.Class)
	f.Summary = fmt.Sprintf("%s%s: %s", what, after, h)
	f.Detail, f.Transient = fmt.Sprintf("It was %s. %s", where, remedy), transient
	if h.Class == job.Deadline {
		f.Broken = false // the command had its time
	}
	return f
}

// meaning says what a class means, what to do about it, and whether time may.
func meaning(class job.Class) (what, remedy string, transient bool) {
	switch class {
	case job.Queue:
		return "The queue did not let the Job go", "Others have the quota. Raise queue_timeout, or look at the queue: kubectl get workloads.", true
	case job.QueueFull:
		return "The queue can never let the Job go", "It asks for more than the queue may ever have. Ask for less in gpu or resources, or choose another queue.", false
	case job.Quota:
		return "The quota of the namespace refuses the pod", "Something else has used it up, or it asks for more than there is: kubectl describe resourcequota.", true
	case job.Admission:
		return "The cluster refuses the pod", "An admission rule of the cluster forbids what the Job asks for.", false
	case job.Capacity:
		return "No node has room for the pod", "Raise schedule_timeout if a node will come, or ask for less in gpu or resources.", true
	case job.Placement:
		return "No node fits the pod", "Look at node_selector, at the taints of the nodes, and at the name in gpu.resource: kubectl get nodes -o wide.", false
	case job.Image:
		return "An image cannot be fetched", "Is the digest right, may the node reach the registry, and does pull_secret name its credentials?", false
	case job.Config:
		return "The pod refers to what is not there", "Do the Secrets in secret_env and pull_secret exist in the namespace? Does the program exist in the image?", false
	case job.Device:
		return "The node refuses the pod", "Its devices are not what it says. Look at the node's device plugin.", true
	case job.Disrupted:
		return "The cluster took the pod away", "It was evicted, preempted, or its node is gone. A retry block tries again.", true
	case job.Deadline:
		return "The command did not end in time", "Raise deadline if it needs longer. Its output is in the stage's log.", false
	case job.Deleted:
		return "The Job is gone", "Somebody, or a controller of the cluster, has deleted it while it was needed.", true
	case job.Slow:
	}
	return "The Job did not start in time", "Look at the health of the Job controller, of the scheduler, and of the node.", true
}

// ended is how a command with a bad exit ended, and nil when it ended well.
func (s *session) ended(state job.State) *sdk.Failure {
	exit := *state.Exit
	if exit.Code == 0 && exit.Reason != "OOMKilled" {
		return nil
	}
	f := &sdk.Failure{
		Summary: fmt.Sprintf("The command ended with exit code %d", exit.Code), Class: classCommand, ExitCode: exit.Code,
		Detail: "Its output is in the stage's log.",
	}
	switch exit.Reason {
	case "OOMKilled":
		f.Class = classMemory
		f.Summary = "The command was killed because it used more memory than its node had"
		if s.spec.Memory != "" {
			f.Summary = fmt.Sprintf("The command was killed because it used more memory than its limit of %s", s.spec.Memory)
		}
		f.Detail = "Raise memory in the resources block. " + f.Detail
	case "StartError", "ContainerCannotRun":
		f.Class, f.Broken = "command_not_started", true
		f.Summary = "The command cannot be started in the container"
		f.Detail = exit.Message + "\nIs the program in the image, with the mode bit to be run? There is no shell."
		return f
	}
	if s.output.err != nil && exit.Message != "" {
		f.Detail += "\nThe end of its output, as far as the cluster kept it:\n" + exit.Message
	}
	return f
}
