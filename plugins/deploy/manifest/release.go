package manifest

import (
	"time"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// Tool is the value of LabelManagedBy on every object of ours.
const Tool = "stagegate"

// The labels and annotations that mark what is ours.
const (
	LabelName      = "app.kubernetes.io/name"
	LabelManagedBy = "app.kubernetes.io/managed-by"
	// LabelRevision names the pod template: the first 8 hexadecimal digits of
	// its digest.
	LabelRevision = "stagegate.dev/revision"
	// AnnotationModel is the digest of the model that a pod serves.
	AnnotationModel = "stagegate.dev/model-digest"
	// AnnotationHealthy marks a ReplicaSet whose release was healthy, so that a
	// rollback knows a good one.
	AnnotationHealthy = "stagegate.dev/healthy"
)

// DefaultUser is neither root nor an account that images usually know.
const DefaultUser = 65532

// Release is everything that decides what is rendered.
type Release struct {
	Name      string
	Namespace string

	Image     string // of the server
	Model     *Model
	Replicas  int64
	Port      int64
	Command   []string
	Args      []string
	Env       map[string]string
	SecretEnv map[string]SecretRef
	User      int64

	GPU       *GPU
	CPU       string
	Memory    string
	Readiness Probe

	Rolling  Rolling
	Recreate bool // end all pods before the first new one starts
	// Drain is how long a pod goes on serving after it was told to end, so
	// that every proxy has seen that it left the endpoints.
	Drain time.Duration
	// Progress is how long Kubernetes waits before it calls the rollout stuck.
	Progress time.Duration

	NodeSelector              map[string]string
	PullSecret                string
	ServiceAccountAnnotations map[string]string
	FromNamespaces            []string // who may call the service; empty means everybody
	EgressCIDRs               []string // what the pods may call beside DNS
}

// Model is an OCI artifact that is mounted into the pods, read-only.
type Model struct {
	Reference string // <registry>/<repository>@<digest>
	Digest    string
	MountPath string
}

// SecretRef names one key of a Secret of the namespace.
type SecretRef struct{ Name, Key string }

// GPU is the accelerators that each pod holds.
type GPU struct {
	Resource string
	Count    int64
}

// Probe is an HTTP GET that decides whether a pod gets requests.
type Probe struct {
	Path string
	Port int64 // 0 means the release's port
}

// Rolling bounds a rolling update: whole numbers, or percentages of the
// replicas.
type Rolling struct{ MaxSurge, MaxUnavailable string }

// Rendered is a release as objects, in the order in which they are applied.
type Rendered struct {
	Revision string
	Objects  []kube.Object
}

// Render makes the objects of a release.
func Render(r Release) (Rendered, error) {
	template := podTemplate(r)
	revision, err := revisionOf(template)
	if err != nil {
		return Rendered{}, err
	}
	return Rendered{
		Revision: revision,
		Objects: []kube.Object{
			serviceAccount(r),
			networkPolicy(r),
			service(r),
			deployment(r, revision, template),
		},
	}, nil
}

// labels are those of every object of the release.
func labels(r Release) map[string]any {
	return map[string]any{LabelName: r.Name, LabelManagedBy: Tool}
}

// selector picks the release's pods, of whatever revision.
func selector(r Release) map[string]any { return map[string]any{LabelName: r.Name} }

func object(apiVersion, kind string, r Release) kube.Object {
	return kube.Object{
		"apiVersion": apiVersion,
		"kind":       kind,
		"metadata": map[string]any{
			"name":      r.Name,
			"namespace": r.Namespace,
			"labels":    labels(r),
		},
	}
}
