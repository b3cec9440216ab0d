package capacity

import (
	"fmt"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// Demand is what each pod of a release asks of a cluster.
type Demand struct {
	Namespace   string
	Needs       Resources // of its node; the pod itself counts as 1 of pods
	Limits      Resources // what quotas of limits count
	Selector    map[string]string
	Tolerations []Toleration
	Priority    string // name of the priority class
	BestEffort  bool   // it asks for no processor and no memory

	affinity []term
	spread   []spread
	// unproven names what the proof does not look at.
	unproven []string
}

// DemandOf reads a pod, or a pod template with a namespace.
func DemandOf(pod kube.Object) Demand {
	spec := object(pod["spec"])
	d := Demand{
		Namespace: pod.Text("metadata", "namespace"), Needs: Requests(pod), Limits: requested(pod, "limits"),
		Selector: texts(spec["nodeSelector"]), Priority: spec.Text("priorityClassName"),
		affinity: termsOf(spec), spread: spreadsOf(pod),
	}
	d.BestEffort = d.Needs[cpu]+d.Needs["memory"]+d.Limits[cpu]+d.Limits["memory"] == 0
	for _, t := range objects(spec["tolerations"]) {
		d.Tolerations = append(d.Tolerations, Toleration{t.Text("key"), t.Text("operator"), t.Text("value"), t.Text("effect")})
	}
	for _, kind := range []string{"podAffinity", "podAntiAffinity"} {
		if hard, _ := spec.At("affinity", kind, "requiredDuringSchedulingIgnoredDuringExecution").([]any); len(hard) > 0 {
			d.unproven = append(d.unproven, "required "+kind)
		}
	}
	if claims, _ := spec["resourceClaims"].([]any); len(claims) > 0 {
		d.unproven = append(d.unproven, "resource claims")
	}
	if len(d.spread) > 1 {
		d.unproven = append(d.unproven, fmt.Sprintf("how %d topology spread constraints add up", len(d.spread)))
	}
	return d
}

// picks reports whether selector and affinity let a node in.
func (d Demand) picks(n Node) bool {
	for k, v := range d.Selector {
		if n.Labels[k] != v {
			return false
		}
	}
	for _, t := range d.affinity {
		if t.picks(n) {
			return true
		}
	}
	return len(d.affinity) == 0
}
