package rollout

import (
	"encoding/json"
	"fmt"

	"github.com/stagegate/stagegate/plugins/deploy/manifest"
	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// Goal is what the rollout is to reach.
type Goal struct {
	Name     string
	Revision string
	Replicas int
}

// Snapshot is what the cluster shows of one release.
type Snapshot struct {
	Deployment  *Deployment // nil when there is none
	ReplicaSets []ReplicaSet
	Pods        []Pod
	Endpoints   []EndpointSlice
}

// Metadata is what every object has.
type Metadata struct {
	Name        string            `json:"name"`
	UID         string            `json:"uid"`
	Generation  int64             `json:"generation"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	Deleted     *string           `json:"deletionTimestamp"`
	Owners      []struct {
		UID string `json:"uid"`
	} `json:"ownerReferences"`
}

func (m Metadata) revision() string { return m.Labels[manifest.LabelRevision] }

func (m Metadata) ownedBy(uid string) bool {
	for _, o := range m.Owners {
		if o.UID == uid {
			return true
		}
	}
	return false
}

// Condition is one of an object's conditions.
type Condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func find(list []Condition, kind string) Condition {
	for _, c := range list {
		if c.Type == kind {
			return c
		}
	}
	return Condition{}
}

// Deployment is what is read of one.
type Deployment struct {
	Metadata Metadata `json:"metadata"`
	Spec     struct {
		Replicas int `json:"replicas"`
		Template struct {
			Metadata Metadata `json:"metadata"`
		} `json:"template"`
	} `json:"spec"`
	Status struct {
		ObservedGeneration int64       `json:"observedGeneration"`
		Replicas           int         `json:"replicas"`
		UpdatedReplicas    int         `json:"updatedReplicas"`
		ReadyReplicas      int         `json:"readyReplicas"`
		AvailableReplicas  int         `json:"availableReplicas"`
		Conditions         []Condition `json:"conditions"`
	} `json:"status"`
}

// Revision is that of the pod template.
func (d *Deployment) Revision() string { return d.Spec.Template.Metadata.revision() }

// ReplicaSet is what is read of one.
type ReplicaSet struct {
	Metadata Metadata `json:"metadata"`
	Status   struct {
		ObservedGeneration int64       `json:"observedGeneration"`
		ReadyReplicas      int         `json:"readyReplicas"`
		Conditions         []Condition `json:"conditions"`
	} `json:"status"`
}

// Pod is what is read of one.
type Pod struct {
	Metadata Metadata `json:"metadata"`
	Spec     struct {
		NodeName     string            `json:"nodeName"`
		NodeSelector map[string]string `json:"nodeSelector"`
		Gates        []struct {
			Name string `json:"name"`
		} `json:"schedulingGates"`
		Containers     []any `json:"containers"`
		InitContainers []any `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		Phase      string            `json:"phase"`
		Reason     string            `json:"reason"`
		Message    string            `json:"message"`
		Conditions []Condition       `json:"conditions"`
		Containers []ContainerStatus `json:"containerStatuses"`
	} `json:"status"`
}

// ContainerStatus is what is read of one.
type ContainerStatus struct {
	Name         string         `json:"name"`
	RestartCount int            `json:"restartCount"`
	State        ContainerState `json:"state"`
	LastState    ContainerState `json:"lastState"`
}

// ContainerState is one of waiting, running or terminated.
type ContainerState struct {
	Waiting *struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"waiting"`
	Terminated *struct {
		Reason   string `json:"reason"`
		Message  string `json:"message"`
		ExitCode int    `json:"exitCode"`
	} `json:"terminated"`
}

// EndpointSlice is what is read of one.
type EndpointSlice struct {
	Metadata  Metadata `json:"metadata"`
	Endpoints []struct {
		Conditions struct {
			Ready *bool `json:"ready"` // nil means ready
		} `json:"conditions"`
		Target *struct {
			Kind string `json:"kind"`
			Name string `json:"name"`
		} `json:"targetRef"`
	} `json:"endpoints"`
}

// Decode reads one object as T.
func Decode[T any](o kube.Object) (T, error) {
	var out T
	raw, err := json.Marshal(o)
	if err == nil {
		err = json.Unmarshal(raw, &out)
	}
	if err != nil {
		return out, fmt.Errorf("read %s: %w", o.Ref(), err)
	}
	return out, nil
}

// DecodeAll reads objects as T.
func DecodeAll[T any](list []kube.Object) ([]T, error) {
	out := make([]T, 0, len(list))
	for _, o := range list {
		one, err := Decode[T](o)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}
