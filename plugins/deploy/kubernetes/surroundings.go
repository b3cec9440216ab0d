package kubernetes

import (
	"context"
	"strconv"
	"time"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/internal/cluster"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// surroundings is what namespace and cluster impose on whatever runs there.
func (s site) surroundings(ctx context.Context, seen string) []sdk.Fact {
	return []sdk.Fact{s.podSecurity(ctx, seen), s.quotas(ctx, seen), s.mesh(ctx, seen)}
}

func absent(name, source string) sdk.Fact {
	return sdk.Fact{Name: name, State: sdk.FactAbsent, Source: source, CheckedAt: time.Now()}
}

// podSecurity is the level of Pod Security Admission that the namespace
// enforces. The cluster's own default cannot be read.
func (s site) podSecurity(ctx context.Context, seen string) sdk.Fact {
	const name = "cluster.pod_security"
	namespace, err := s.client.Get(ctx, kube.Ref{Kind: "Namespace", Name: s.target.Namespace})
	if err != nil {
		return fact(name, seen, nil, err)
	}
	if level := namespace.Label("pod-security.kubernetes.io/enforce"); level != "" {
		return fact(name, seen, level, nil)
	}
	return absent(name, seen)
}

// quota is what a namespace may use, and uses.
type quota struct {
	Name string         `json:"name"`
	Hard map[string]any `json:"hard"`
	Used map[string]any `json:"used"`
}

func (s site) quotas(ctx context.Context, seen string) sdk.Fact {
	list, err := s.client.List(ctx, "ResourceQuota", s.target.Namespace, "")
	out := make([]quota, 0, len(list))
	for _, o := range list {
		q := quota{Name: o.Text("metadata", "name"), Hard: map[string]any{}, Used: map[string]any{}}
		if hard, ok := o.At("status", "hard").(map[string]any); ok {
			q.Hard = hard
		} else if hard, ok := o.At("spec", "hard").(map[string]any); ok {
			q.Hard = hard
		}
		if used, ok := o.At("status", "used").(map[string]any); ok {
			q.Used = used
		}
		out = append(out, q)
	}
	return fact("cluster.quotas", seen, out, err)
}

// meshState is what a service mesh demands of the namespace's traffic.
type meshState struct {
	Name string `json:"name"`
	MTLS string `json:"mtls"` // strict, permissive, disable or unset
}

// istioRoot is where Istio looks for what holds in the whole mesh.
const istioRoot = "istio-system"

// mesh knows Istio: other meshes are for the operator to declare.
func (s site) mesh(ctx context.Context, seen string) sdk.Fact {
	const name = "cluster.mesh"
	list, err := s.client.List(ctx, "PeerAuthentication", "", "")
	if cluster.IsNotFound(err) {
		return absent(name, seen)
	}
	if err != nil {
		return fact(name, seen, nil, err)
	}
	return fact(name, seen, meshState{Name: "istio", MTLS: mutualTLS(list, s.target.Namespace)}, nil)
}

// mutualTLS is the weakest that Istio's rules let into a namespace: one for some
// pods, or some ports, counts for all, because it is not known whom it hits.
func mutualTLS(rules []kube.Object, namespace string) string {
	wide, own := "unset", ""
	weakest := ""
	for _, o := range rules {
		mode := modeOf(o.Text("spec", "mtls", "mode"))
		_, selects := o.At("spec", "selector").(map[string]any)
		ports, _ := o.At("spec", "portLevelMtls").(map[string]any)
		switch in := o.Text("metadata", "namespace"); {
		case in == namespace && (selects || len(ports) > 0):
			if mode != "strict" && mode != "unset" {
				weakest = mode
			}
			for _, p := range ports {
				m, _ := p.(map[string]any)
				if at := modeOf(kube.Object(m).Text("mode")); at != "strict" {
					weakest = at
				}
			}
			if !selects && mode != "unset" {
				own = mode
			}
		case in == namespace && mode != "unset":
			own = mode
		case in == istioRoot && !selects:
			wide = mode
		}
	}
	switch {
	case weakest != "":
		return weakest
	case own != "":
		return own
	}
	return wide
}

func modeOf(text string) string {
	switch text {
	case "STRICT":
		return "strict"
	case "PERMISSIVE":
		return "permissive"
	case "DISABLE":
		return "disable"
	}
	return "unset"
}

// share is how a node gives its accelerators to pods.
type share struct {
	Node    string `json:"node"`
	Sharing string `json:"sharing"` // none, mig, time-slicing, mps or unknown
}

// sharing reads the labels that the vendor's device plugins put on nodes.
func (s site) sharing(ctx context.Context, seen string, r manifest.Release) sdk.Fact {
	const name = "cluster.gpu_sharing"
	if r.GPU == nil {
		return absent(name, seen)
	}
	nodes, err := s.client.List(ctx, "Node", "", "")
	out := []share{}
	for _, node := range nodes {
		if offers(node, r.GPU.Resource) && picked(node, r.NodeSelector) {
			out = append(out, share{Node: node.Text("metadata", "name"), Sharing: sharingOf(node)})
		}
	}
	return fact(name, seen, out, err)
}

func offers(node kube.Object, resource string) bool {
	allocatable, _ := node.At("status", "allocatable").(map[string]any)
	amount, ok := allocatable[resource].(string)
	return ok && amount != "0"
}

func picked(node kube.Object, selector map[string]string) bool {
	for key, value := range selector {
		if node.Label(key) != value {
			return false
		}
	}
	return true
}

func sharingOf(node kube.Object) string {
	strategy := node.Label("nvidia.com/gpu.sharing-strategy")
	replicas, err := strconv.Atoi(node.Label("nvidia.com/gpu.replicas"))
	switch mig := node.Label("nvidia.com/mig.strategy"); {
	case strategy != "" && strategy != "none":
		return strategy
	case err == nil && replicas > 1:
		return "time-slicing"
	case mig == "single" || mig == "mixed":
		return "mig"
	case strategy == "none":
		return "none"
	}
	return "unknown"
}

// running is what the plan replaces.
type running struct {
	Revision    string   `json:"revision"`
	ModelDigest string   `json:"model_digest"`
	Images      []string `json:"images"`
}

func (s site) previous(ctx context.Context, seen string, r manifest.Release) sdk.Fact {
	const name = "previous.release"
	live, err := s.client.Get(ctx, kube.Ref{Kind: "Deployment", Namespace: s.target.Namespace, Name: r.Name})
	if cluster.IsNotFound(err) {
		return absent(name, seen)
	}
	if err != nil {
		return fact(name, seen, nil, err)
	}
	was := running{Revision: live.Label(manifest.LabelRevision), Images: []string{}}
	was.ModelDigest = kube.Object{"metadata": live.At("spec", "template", "metadata")}.Annotation(manifest.AnnotationModel)
	containers, _ := live.At("spec", "template", "spec", "containers").([]any)
	for _, e := range containers {
		m, _ := e.(map[string]any)
		was.Images = append(was.Images, kube.Object(m).Text("image"))
	}
	return fact(name, seen, was, nil)
}
