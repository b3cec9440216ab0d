package capacity

import "github.com/stagegate/stagegate/plugins/internal/kube"

// Pod is one that is there, with what it holds of its node.
type Pod struct {
	Namespace, Name string
	Node            string // empty while it has none, and then it holds nothing
	Labels          map[string]string
	Holds           Resources
	Ending          bool // told to end; it holds all until it is gone
}

// PodOf reads a pod; false when it has ended, and holds nothing any more.
func PodOf(o kube.Object) (Pod, bool) {
	switch o.Text("status", "phase") {
	case "Succeeded", "Failed":
		return Pod{}, false
	}
	return Pod{
		Namespace: o.Text("metadata", "namespace"), Name: o.Text("metadata", "name"), Node: o.Text("spec", "nodeName"),
		Labels: texts(o.At("metadata", "labels")), Holds: Requests(o),
		Ending: o.Text("metadata", "deletionTimestamp") != "",
	}, true
}

// Requests is what a pod holds of its node, or will.
func Requests(pod kube.Object) Resources { return requested(pod, "requests") }

// requested is what a pod holds: its containers together, or the greediest init
// container, which runs before them beside the sidecars that have started. An
// init container that restarts always is such a sidecar and counts for good.
// What is set for the pod as a whole comes before what its containers say.
func requested(pod kube.Object, what string) Resources {
	sum, sidecars, first := Resources{}, Resources{}, Resources{}
	for _, c := range objects(pod.At("spec", "containers")) {
		sum.add(asked(c, what), 1)
	}
	for _, c := range objects(pod.At("spec", "initContainers")) {
		one := asked(c, what)
		one.add(sidecars, 1)
		first.most(one)
		if c.Text("restartPolicy") == "Always" {
			sidecars.add(asked(c, what), 1)
		}
	}
	sum.add(sidecars, 1)
	sum.most(first)
	for name, n := range asked(pod.At("spec"), what) {
		sum[name] = n
	}
	if overhead, ok := pod.At("spec", "overhead").(map[string]any); ok {
		sum.add(Amounts(overhead), 1)
	}
	sum[pods] = 1
	return sum
}

// asked is what a container, or a pod as a whole, asks for; a limit alone is a
// request too.
func asked(of any, what string) Resources {
	o := object(of)
	out := Resources{}
	if limits, ok := o.At("resources", "limits").(map[string]any); ok {
		out = Amounts(limits)
	}
	if m, ok := o.At("resources", what).(map[string]any); ok {
		for name, n := range Amounts(m) {
			out[name] = n
		}
	}
	return out
}

func object(v any) kube.Object {
	switch m := v.(type) {
	case map[string]any:
		return m
	case kube.Object:
		return m
	}
	return nil
}

func objects(v any) []kube.Object {
	list, _ := v.([]any)
	out := make([]kube.Object, 0, len(list))
	for _, e := range list {
		out = append(out, object(e))
	}
	return out
}

func texts(v any) map[string]string {
	m, _ := v.(map[string]any)
	out := make(map[string]string, len(m))
	for k, e := range m {
		if s, ok := e.(string); ok {
			out[k] = s
		}
	}
	return out
}

func list(v any) []string {
	all, _ := v.([]any)
	out := make([]string, 0, len(all))
	for _, e := range all {
		if s, ok := e.(string); ok {
			out = append(out, s)
		}
	}
	return out
}
