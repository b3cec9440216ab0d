package kubernetes

import (
	"testing"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

func peer(namespace, mode string, more map[string]any) kube.Object {
	spec := map[string]any{"mtls": map[string]any{"mode": mode}}
	for key, v := range more {
		spec[key] = v
	}
	return kube.Object{"metadata": map[string]any{"namespace": namespace}, "spec": spec}
}

func TestMutualTLS(t *testing.T) {
	t.Parallel()
	pods := map[string]any{"selector": map[string]any{"matchLabels": map[string]any{"a": "b"}}}
	ports := map[string]any{"portLevelMtls": map[string]any{"8080": map[string]any{"mode": "DISABLE"}}}
	for name, test := range map[string]struct {
		rules []kube.Object
		want  string
	}{
		"nothing":            {nil, "unset"},
		"elsewhere":          {[]kube.Object{peer("other", "STRICT", nil)}, "unset"},
		"in the whole mesh":  {[]kube.Object{peer(istioRoot, "STRICT", nil)}, "strict"},
		"not in ours":        {[]kube.Object{peer(istioRoot, "STRICT", nil), peer("ours", "PERMISSIVE", nil)}, "permissive"},
		"in ours":            {[]kube.Object{peer(istioRoot, "PERMISSIVE", nil), peer("ours", "STRICT", nil)}, "strict"},
		"left to the mesh":   {[]kube.Object{peer(istioRoot, "STRICT", nil), peer("ours", "UNSET", nil)}, "strict"},
		"not for some pods":  {[]kube.Object{peer("ours", "STRICT", nil), peer("ours", "DISABLE", pods)}, "disable"},
		"not on some ports":  {[]kube.Object{peer("ours", "STRICT", ports)}, "disable"},
		"for some pods only": {[]kube.Object{peer("ours", "STRICT", pods)}, "unset"},
	} {
		if got := mutualTLS(test.rules, "ours"); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}

func TestSharing(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		labels map[string]any
		want   string
	}{
		"no label":      {nil, "unknown"},
		"whole devices": {map[string]any{"nvidia.com/gpu.sharing-strategy": "none", "nvidia.com/gpu.replicas": "1"}, "none"},
		"time slices":   {map[string]any{"nvidia.com/gpu.sharing-strategy": "time-slicing"}, "time-slicing"},
		"replicas":      {map[string]any{"nvidia.com/gpu.replicas": "4"}, "time-slicing"},
		"partitions":    {map[string]any{"nvidia.com/mig.strategy": "single", "nvidia.com/gpu.sharing-strategy": "none"}, "mig"},
		"shared parts":  {map[string]any{"nvidia.com/mig.strategy": "single", "nvidia.com/gpu.sharing-strategy": "mps"}, "mps"},
	} {
		if got := sharingOf(kube.Object{"metadata": map[string]any{"labels": test.labels}}); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
}
