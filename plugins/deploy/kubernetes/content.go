package kubernetes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// planMediaType names the form of a plan's content.
const planMediaType = "application/vnd.stagegate.kubernetes.plan.v1+json"

// content is everything that Apply acts on. It depends on the configuration and
// on which cluster it is for, and not on what that cluster holds: the same
// release has the same digest however often it is planned.
type content struct {
	Target  target        `json:"target"`
	Release release       `json:"release"`
	Limits  limits        `json:"limits"`
	Objects []kube.Object `json:"objects"` // in the order of their application
}

type target struct {
	ClusterUID     string `json:"cluster_uid"`
	ClusterVersion string `json:"cluster_version"`
	Namespace      string `json:"namespace"`
	Environment    string `json:"environment"`
}

type release struct {
	Name     string `json:"name"`
	Revision string `json:"revision"`
	Replicas int    `json:"replicas"`
	Port     int64  `json:"port"`
}

type limits struct {
	ScheduleSeconds float64 `json:"schedule_seconds"`
	ReadySeconds    float64 `json:"ready_seconds"`
	// WaitSeconds are those of the block patience, by class of failure.
	WaitSeconds map[rollout.Class]float64 `json:"wait_seconds,omitempty"`
}

func limitsAs(l rollout.Limits) limits {
	out := limits{ScheduleSeconds: l.Schedule.Seconds(), ReadySeconds: l.Ready.Seconds()}
	for class, wait := range l.Waits {
		if out.WaitSeconds == nil {
			out.WaitSeconds = make(map[rollout.Class]float64)
		}
		out.WaitSeconds[class] = wait.Seconds()
	}
	return out
}

func (l limits) limits() rollout.Limits {
	span := func(seconds float64) time.Duration { return time.Duration(seconds * float64(time.Second)) }
	out := rollout.Limits{Schedule: span(l.ScheduleSeconds), Ready: span(l.ReadySeconds), Waits: make(map[rollout.Class]time.Duration)}
	for class, seconds := range l.WaitSeconds {
		out.Waits[class] = span(seconds)
	}
	return out
}

func (c content) deployment() kube.Ref {
	return kube.Ref{Kind: "Deployment", Namespace: c.Target.Namespace, Name: c.Release.Name}
}

// contentOf renders a release for a target.
func contentOf(r manifest.Release, to target, l rollout.Limits) (content, error) {
	rendered, err := manifest.Render(r)
	if err != nil {
		return content{}, err
	}
	return content{
		Target:  to,
		Release: release{Name: r.Name, Revision: rendered.Revision, Replicas: int(r.Replicas), Port: r.Port},
		Limits:  limitsAs(l),
		Objects: rendered.Objects,
	}, nil
}

// read takes a plan apart, after it has made sure that its bytes are those that
// were decided on.
func read(plan sdk.Plan) (content, error) {
	if got := sdk.NewPlan(plan.MediaType, plan.Content).Digest; got != plan.Digest {
		return content{}, mismatch(fmt.Sprintf("its content has the digest %s, and it says %s", got, plan.Digest))
	}
	if plan.MediaType != planMediaType {
		return content{}, mismatch(fmt.Sprintf("it is of the type %q, not %q", plan.MediaType, planMediaType))
	}
	var c content
	dec := json.NewDecoder(bytes.NewReader(plan.Content))
	dec.UseNumber()
	dec.DisallowUnknownFields()
	if err := dec.Decode(&c); err != nil {
		return content{}, mismatch(err.Error())
	}
	return c, nil
}
