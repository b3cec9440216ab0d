package manifest

import (
	"maps"
	"slices"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// ContainerName is the name of the one container of a pod.
const ContainerName = "server"

// portName lets Service, probes and NetworkPolicy follow the pod when a
// rollback brings back another port number.
const portName = "http"

func container(r Release) map[string]any {
	c := map[string]any{
		"name":            ContainerName,
		"image":           r.Image,
		"imagePullPolicy": "IfNotPresent",
		"ports": []any{map[string]any{
			"name": portName, "containerPort": r.Port, "protocol": "TCP",
		}},
		"securityContext": map[string]any{
			"allowPrivilegeEscalation": false,
			"privileged":               false,
			"readOnlyRootFilesystem":   true,
			"capabilities":             map[string]any{"drop": []any{"ALL"}},
		},
		"readinessProbe": readiness(r),
		"volumeMounts":   mounts(r),
	}
	if len(r.Command) > 0 {
		c["command"] = textList(r.Command)
	}
	if len(r.Args) > 0 {
		c["args"] = textList(r.Args)
	}
	if env := environment(r); len(env) > 0 {
		c["env"] = env
	}
	if res := resources(r); len(res) > 0 {
		c["resources"] = map[string]any{"limits": res, "requests": kube.Object(res).Clone()}
	}
	if r.Drain > 0 {
		c["lifecycle"] = map[string]any{
			"preStop": map[string]any{"sleep": map[string]any{"seconds": seconds(r.Drain)}},
		}
	}
	return c
}

func readiness(r Release) map[string]any {
	var port any = portName
	if r.Readiness.Port != 0 && r.Readiness.Port != r.Port {
		port = r.Readiness.Port
	}
	return map[string]any{
		"httpGet":          map[string]any{"path": r.Readiness.Path, "port": port, "scheme": "HTTP"},
		"periodSeconds":    int64(2),
		"timeoutSeconds":   int64(2),
		"failureThreshold": int64(3),
	}
}

func mounts(r Release) []any {
	out := []any{map[string]any{"name": "tmp", "mountPath": "/tmp"}}
	if r.Model != nil {
		out = append(out, map[string]any{
			"name": "model", "mountPath": r.Model.MountPath, "readOnly": true,
		})
	}
	return out
}

// environment is sorted by name: a list has an order, a map has none.
func environment(r Release) []any {
	var out []any
	for _, name := range slices.Sorted(maps.Keys(r.Env)) {
		out = append(out, map[string]any{"name": name, "value": r.Env[name]})
	}
	for _, name := range slices.Sorted(maps.Keys(r.SecretEnv)) {
		ref := r.SecretEnv[name]
		out = append(out, map[string]any{
			"name": name,
			"valueFrom": map[string]any{
				"secretKeyRef": map[string]any{"name": ref.Name, "key": ref.Key},
			},
		})
	}
	return out
}

// resources are requests and limits alike: Kubernetes demands it of
// accelerators, and the rest then has the quality of service Guaranteed.
func resources(r Release) map[string]any {
	out := make(map[string]any)
	if r.CPU != "" {
		out["cpu"] = r.CPU
	}
	if r.Memory != "" {
		out["memory"] = r.Memory
	}
	if r.GPU != nil {
		out[r.GPU.Resource] = r.GPU.Count
	}
	return out
}

func textList(list []string) []any {
	out := make([]any, len(list))
	for i, s := range list {
		out[i] = s
	}
	return out
}
