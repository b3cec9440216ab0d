package manifest

import (
	"strconv"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// history is how many old ReplicaSets stay for a rollback.
const history = 10

func deployment(r Release, revision string, template map[string]any) kube.Object {
	o := object("apps/v1", "Deployment", r)
	setLabel(o, revision)
	setLabel(template, revision)
	o["spec"] = map[string]any{
		"replicas":                r.Replicas,
		"revisionHistoryLimit":    int64(history),
		"progressDeadlineSeconds": max(seconds(r.Progress), 1),
		"selector":                map[string]any{"matchLabels": selector(r)},
		"strategy":                strategy(r),
		"template":                template,
	}
	return o
}

func strategy(r Release) map[string]any {
	if r.Recreate {
		return map[string]any{"type": "Recreate"}
	}
	return map[string]any{
		"type": "RollingUpdate",
		"rollingUpdate": map[string]any{
			"maxSurge":       countOrPercent(r.Rolling.MaxSurge),
			"maxUnavailable": countOrPercent(r.Rolling.MaxUnavailable),
		},
	}
}

func setLabel(of map[string]any, revision string) {
	if l, ok := kube.Object(of).At("metadata", "labels").(map[string]any); ok {
		l[LabelRevision] = revision
	}
}

func podTemplate(r Release) map[string]any {
	metadata := map[string]any{"labels": labels(r)}
	if r.Model != nil {
		metadata["annotations"] = map[string]any{AnnotationModel: r.Model.Digest}
	}
	spec := map[string]any{
		"serviceAccountName":            r.Name,
		"automountServiceAccountToken":  false,
		"enableServiceLinks":            false,
		"terminationGracePeriodSeconds": 30 + seconds(r.Drain),
		"securityContext":               podSecurity(r),
		"containers":                    []any{container(r)},
		"volumes":                       volumes(r),
	}
	if r.PullSecret != "" {
		spec["imagePullSecrets"] = []any{map[string]any{"name": r.PullSecret}}
	}
	if len(r.NodeSelector) > 0 {
		spec["nodeSelector"] = textMap(r.NodeSelector)
	}
	if r.GPU != nil {
		// Nodes with accelerators are tainted with the resource's name, so that
		// only pods that ask for it land there.
		spec["tolerations"] = []any{map[string]any{
			"key": r.GPU.Resource, "operator": "Exists", "effect": "NoSchedule",
		}}
	}
	return map[string]any{"metadata": metadata, "spec": spec}
}

func podSecurity(r Release) map[string]any {
	return map[string]any{
		"runAsNonRoot":   true,
		"runAsUser":      r.User,
		"runAsGroup":     r.User,
		"seccompProfile": map[string]any{"type": "RuntimeDefault"},
	}
}

func volumes(r Release) []any {
	// The root file system is read-only; most servers still want a /tmp.
	out := []any{map[string]any{"name": "tmp", "emptyDir": map[string]any{}}}
	if r.Model != nil {
		out = append(out, map[string]any{
			"name": "model",
			"image": map[string]any{
				"reference":  r.Model.Reference,
				"pullPolicy": "IfNotPresent",
			},
		})
	}
	return out
}

// countOrPercent is an IntOrString: "1" is a number there, "25%" a string.
func countOrPercent(s string) any {
	if n, err := strconv.ParseInt(s, 10, 32); err == nil {
		return n
	}
	return s
}

// seconds rounds up: a deadline must not end early.
func seconds(d time.Duration) int64 {
	return int64((d + time.Second - 1) / time.Second)
}

func textMap(m map[string]string) map[string]any {
	out := make(map[string]any, len(m))
	for k, v := range m {
		out[k] = v
	}
	return out
}
