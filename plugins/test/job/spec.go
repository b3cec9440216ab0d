package job

import (
	"maps"
	"slices"
	"time"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// ContainerName is that of the one container of a pod.
const ContainerName = "main"

// Labels and annotations of what is applied.
const (
	LabelManagedBy = "app.kubernetes.io/managed-by"
	LabelKind      = "stagegate.dev/kind"
	LabelKey       = "stagegate.dev/key"     // the same for all attempts at one stage of one run
	LabelAttempt   = "stagegate.dev/attempt" // of one attempt alone
	labelQueue     = "kueue.x-k8s.io/queue-name"

	AnnotationRun   = "stagegate.dev/run"
	AnnotationStage = "stagegate.dev/stage"
	AnnotationOwner = "stagegate.dev/owner"
	AnnotationAlive = "stagegate.dev/alive"
)

// Selector picks what this package has made, of all stages and runs.
const Selector = LabelManagedBy + "=stagegate," + LabelKind + "=test"

// The ends that a Job carries with it, for when nobody is left to end it.
const (
	// retained is how long a Job that has ended stays.
	retained = 10 * time.Minute
	// margin is how much longer than its limits a Job lives.
	margin = 2 * time.Minute
	// grace is how long a container may take to end when it is told to.
	grace = 10 * time.Second
)

// Spec is a Job to be made.
type Spec struct {
	Name, Namespace  string
	Key, Attempt     string // as labels
	Run, Stage       string
	Owner            string
	Image            string
	Command          []string
	Env              map[string]string
	SecretEnv        map[string]SecretKey
	Mounts           []Mount
	User             int64
	GPU              *GPU
	CPU, Memory, Shm string
	NodeSelector     map[string]string
	Tolerations      []Toleration
	Queue            string // of Kueue
	ServiceAccount   string
	PullSecret       string
	Limits           Limits
}

// SecretKey is a value in a Secret of the namespace.
type SecretKey struct{ Name, Key string }

// Mount is an artifact in a registry, read-only.
type Mount struct{ Path, Reference string }

// GPU is how many of an extended resource the pod holds.
type GPU struct {
	Resource string
	Count    int64
}

// Toleration lets the pod onto nodes with a taint. Empty fields match all.
type Toleration struct{ Key, Value, Effect string }

// Ref names the Job.
func (s Spec) Ref() kube.Ref { return kube.Ref{Kind: "Job", Namespace: s.Namespace, Name: s.Name} }

// Job is the object to apply. It is never tried twice, and ends and vanishes
// without anybody's help: whether to try again is for the runner to say.
func (s Spec) Job() kube.Object {
	o := s.object("batch/v1", "Job", s.Name)
	metadata, _ := o["metadata"].(map[string]any)
	labels, _ := metadata["labels"].(map[string]any)
	metadata["annotations"] = map[string]any{AnnotationRun: s.Run, AnnotationStage: s.Stage, AnnotationOwner: s.Owner}
	spec := map[string]any{
		"backoffLimit": int64(0), "completions": int64(1), "parallelism": int64(1),
		"podReplacementPolicy":    "Failed",
		"ttlSecondsAfterFinished": seconds(retained),
		"activeDeadlineSeconds":   seconds(s.Limits.Schedule + s.Limits.Start + s.Limits.Run + margin),
		"template":                map[string]any{"metadata": map[string]any{"labels": kube.Object(labels).Clone(), "annotations": map[string]any{AnnotationRun: s.Run, AnnotationStage: s.Stage}}, "spec": s.pod()},
	}
	if s.Queue != "" {
		// Kueue lets it go when there is quota. Nothing starts before it has looked.
		labels[labelQueue] = s.Queue
		spec["suspend"] = true
	}
	o["spec"] = spec
	return o
}

// Secret holds variables that nobody may see, until the Job is gone.
func (s Spec) Secret(uid string, values map[string]string) kube.Object {
	o := s.object("v1", "Secret", s.Name)
	metadata, _ := o["metadata"].(map[string]any)
	metadata["ownerReferences"] = []any{map[string]any{"apiVersion": "batch/v1", "kind": "Job", "name": s.Name, "uid": uid}}
	o["immutable"] = true
	o["stringData"] = texts(values)
	return o
}

// Alive says that somebody still looks after the Job. The server notes when it
// was said last. With the UID, it can make no new one.
func (s Spec) Alive(uid, word string) kube.Object {
	return kube.Object{
		"apiVersion": "batch/v1", "kind": "Job",
		"metadata": map[string]any{"name": s.Name, "namespace": s.Namespace, "uid": uid, "annotations": map[string]any{AnnotationAlive: word}},
	}
}

func (s Spec) object(version, kind, name string) kube.Object {
	return kube.Object{
		"apiVersion": version, "kind": kind,
		"metadata": map[string]any{"name": name, "namespace": s.Namespace, "labels": map[string]any{
			LabelManagedBy: "stagegate", LabelKind: "test", LabelKey: s.Key, LabelAttempt: s.Attempt,
		}},
	}
}

func (s Spec) pod() map[string]any {
	pod := map[string]any{
		"restartPolicy":                 "Never",
		"automountServiceAccountToken":  false,
		"enableServiceLinks":            false,
		"terminationGracePeriodSeconds": seconds(grace),
		"securityContext": map[string]any{
			"runAsNonRoot": true, "runAsUser": s.User, "runAsGroup": s.User, "fsGroup": s.User,
			"seccompProfile": map[string]any{"type": "RuntimeDefault"},
		},
		"containers": []any{s.container()},
		"volumes":    s.volumes(),
	}
	if s.ServiceAccount != "" {
		pod["serviceAccountName"] = s.ServiceAccount
	}
	if s.PullSecret != "" {
		pod["imagePullSecrets"] = []any{map[string]any{"name": s.PullSecret}}
	}
	if len(s.NodeSelector) > 0 {
		pod["nodeSelector"] = texts(s.NodeSelector)
	}
	if list := s.tolerations(); len(list) > 0 {
		pod["tolerations"] = list
	}
	return pod
}

func (s Spec) container() map[string]any {
	c := map[string]any{
		"name": ContainerName, "image": s.Image, "imagePullPolicy": "IfNotPresent",
		"terminationMessagePolicy": "FallbackToLogsOnError",
		"securityContext": map[string]any{
			"allowPrivilegeEscalation": false, "privileged": false, "readOnlyRootFilesystem": true,
			"capabilities": map[string]any{"drop": []any{"ALL"}},
		},
		"env":          s.environment(),
		"volumeMounts": s.mounts(),
	}
	if len(s.Command) > 0 {
		command := make([]any, len(s.Command))
		for i, word := range s.Command {
			command[i] = literal(word)
		}
		c["command"] = command
	}
	// Requests are limits: Kubernetes demands it of accelerators, and the rest
	// then has the quality of service Guaranteed.
	if r := s.resources(); len(r) > 0 {
		c["resources"] = map[string]any{"limits": r, "requests": kube.Object(r).Clone()}
	}
	return c
}

func (s Spec) resources() map[string]any {
	out := make(map[string]any)
	if s.CPU != "" {
		out["cpu"] = s.CPU
	}
	if s.Memory != "" {
		out["memory"] = s.Memory
	}
	if s.GPU != nil {
		out[s.GPU.Resource] = s.GPU.Count
	}
	return out
}

// environment is sorted by name: a list has an order, a map has none.
func (s Spec) environment() []any {
	out := []any{}
	if _, ok := s.Env["HOME"]; !ok {
		out = append(out, map[string]any{"name": "HOME", "value": "/tmp"})
	}
	for _, name := range slices.Sorted(maps.Keys(s.Env)) {
		out = append(out, map[string]any{"name": name, "value": literal(s.Env[name])})
	}
	for _, name := range slices.Sorted(maps.Keys(s.SecretEnv)) {
		at := s.SecretEnv[name]
		out = append(out, map[string]any{"name": name, "valueFrom": map[string]any{
			"secretKeyRef": map[string]any{"name": at.Name, "key": at.Key},
		}})
	}
	return out
}

func (s Spec) mounts() []any {
	out := []any{map[string]any{"name": "tmp", "mountPath": "/tmp"}}
	if s.Shm != "" {
		out = append(out, map[string]any{"name": "shm", "mountPath": "/dev/shm"})
	}
	for i, m := range s.Mounts {
		out = append(out, map[string]any{"name": artifactVolume(i), "mountPath": m.Path, "readOnly": true})
	}
	return out
}

func (s Spec) volumes() []any {
	out := []any{map[string]any{"name": "tmp", "emptyDir": map[string]any{}}}
	if s.Shm != "" {
		out = append(out, map[string]any{"name": "shm", "emptyDir": map[string]any{"medium": "Memory", "sizeLimit": s.Shm}})
	}
	for i, m := range s.Mounts {
		out = append(out, map[string]any{"name": artifactVolume(i), "image": map[string]any{"reference": m.Reference, "pullPolicy": "IfNotPresent"}})
	}
	return out
}

// tolerations are those asked for, and that of nodes that are tainted with the
// name of their accelerators, so that only pods that ask for one land there.
func (s Spec) tolerations() []any {
	var out []any
	if s.GPU != nil {
		out = append(out, map[string]any{"key": s.GPU.Resource, "operator": "Exists", "effect": "NoSchedule"})
	}
	for _, t := range s.Tolerations {
		one := map[string]any{"operator": "Exists"}
		if t.Value != "" {
			one["operator"], one["value"] = "Equal", t.Value
		}
		if t.Key != "" {
			one["key"] = t.Key
		}
		if t.Effect != "" {
			one["effect"] = t.Effect
		}
		out = append(out, one)
	}
	return out
}
