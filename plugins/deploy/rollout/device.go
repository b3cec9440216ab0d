package rollout

import (
	"slices"
	"strconv"
	"strings"
)

// IsExtended reports whether a resource is one that a device plugin or an
// operator advertises: its name has a domain that is not Kubernetes' own.
func IsExtended(name string) bool {
	domain, _, ok := strings.Cut(name, "/")
	return ok && domain != "kubernetes.io" && !strings.HasSuffix(domain, ".kubernetes.io")
}

// count reads the quantity of an extended resource, which Kubernetes keeps a
// whole number; it shows large ones with a suffix.
func count(quantity string) int64 {
	factor := int64(1)
	for suffix, f := range map[string]int64{"k": 1e3, "M": 1e6, "G": 1e9, "Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30} {
		if rest, ok := strings.CutSuffix(quantity, suffix); ok {
			quantity, factor = rest, f
			break
		}
	}
	n, err := strconv.ParseInt(quantity, 10, 64)
	if err != nil {
		return 0
	}
	return n * factor
}

// requests are what a container asks for; a limit alone is a request too.
func (c Container) requests() map[string]string {
	out := make(map[string]string, len(c.Resources.Limits))
	for name, q := range c.Resources.Limits {
		out[name] = q
	}
	for name, q := range c.Resources.Requests {
		out[name] = q
	}
	return out
}

// need is how much of a resource the pod holds on its node: that of its
// containers together, or of the greediest init container, which runs alone.
// An init container that restarts always is a sidecar and counts for good.
func (p Pod) need(resource string) int64 {
	var sum, single int64
	for _, c := range p.Spec.Containers {
		sum += count(c.requests()[resource])
	}
	for _, c := range p.Spec.InitContainers {
		n := count(c.requests()[resource])
		if c.RestartPolicy == "Always" {
			sum += n
			continue
		}
		single = max(single, n)
	}
	return max(sum, single)
}

// devices are the extended resources that the pod holds.
func (p Pod) devices() map[string]int64 {
	var out map[string]int64
	for _, c := range slices.Concat(p.Spec.Containers, p.Spec.InitContainers) {
		for name := range c.requests() {
			if n := p.need(name); IsExtended(name) && n > 0 {
				if out == nil {
					out = make(map[string]int64)
				}
				out[name] = n
			}
		}
	}
	return out
}
