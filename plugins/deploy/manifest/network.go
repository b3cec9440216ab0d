package manifest

import "github.com/stagegate/stagegate/plugins/internal/kube"

func service(r Release) kube.Object {
	o := object("v1", "Service", r)
	o["spec"] = map[string]any{
		"type":     "ClusterIP",
		"selector": selector(r),
		"ports": []any{map[string]any{
			"name": portName, "port": r.Port, "targetPort": portName, "protocol": "TCP",
		}},
	}
	return o
}

func serviceAccount(r Release) kube.Object {
	o := object("v1", "ServiceAccount", r)
	o["automountServiceAccountToken"] = false
	if len(r.ServiceAccountAnnotations) > 0 {
		if m, ok := o["metadata"].(map[string]any); ok {
			m["annotations"] = textMap(r.ServiceAccountAnnotations)
		}
	}
	return o
}

// networkPolicy closes everything but the service's port inwards, and DNS and
// what is named outwards.
func networkPolicy(r Release) kube.Object {
	o := object("networking.k8s.io/v1", "NetworkPolicy", r)
	ingress := map[string]any{
		"ports": []any{map[string]any{"port": portName, "protocol": "TCP"}},
	}
	if len(r.FromNamespaces) > 0 {
		ingress["from"] = []any{map[string]any{
			"namespaceSelector": map[string]any{"matchExpressions": []any{map[string]any{
				"key":      "kubernetes.io/metadata.name",
				"operator": "In",
				"values":   textList(r.FromNamespaces),
			}}},
		}}
	}
	o["spec"] = map[string]any{
		"podSelector": map[string]any{"matchLabels": selector(r)},
		"policyTypes": []any{"Ingress", "Egress"},
		"ingress":     []any{ingress},
		"egress":      egress(r),
	}
	return o
}

func egress(r Release) []any {
	out := []any{map[string]any{
		"to": []any{map[string]any{"namespaceSelector": map[string]any{
			"matchLabels": map[string]any{"kubernetes.io/metadata.name": "kube-system"},
		}}},
		"ports": []any{
			map[string]any{"port": int64(53), "protocol": "UDP"},
			map[string]any{"port": int64(53), "protocol": "TCP"},
		},
	}}
	if len(r.EgressCIDRs) > 0 {
		to := make([]any, len(r.EgressCIDRs))
		for i, cidr := range r.EgressCIDRs {
			to[i] = map[string]any{"ipBlock": map[string]any{"cidr": cidr}}
		}
		out = append(out, map[string]any{"to": to})
	}
	return out
}
