package rollout

import (
	"github.com/stagegate/stagegate/plugins/deploy/capacity"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// devices are the extended resources that the pod holds.
func (p Pod) devices() map[string]int64 {
	var out map[string]int64
	for name, n := range capacity.Requests(kube.Object{"spec": map[string]any{
		"containers": p.Spec.Containers, "initContainers": p.Spec.InitContainers,
	}}) {
		if capacity.IsExtended(name) && n > 0 {
			if out == nil {
				out = make(map[string]int64)
			}
			out[name] = n
		}
	}
	return out
}
