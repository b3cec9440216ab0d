package job

import (
	"encoding/json"
	"fmt"

	"github.com/stagegate/stagegate/plugins/internal/kube"
)

// Snapshot is what the cluster shows of one Job.
type Snapshot struct {
	Job      *Job // nil when there is none
	Pods     []Pod
	Events   []Event    // about the Job
	Workload []Workload // Kueue's, none without it
}

// Metadata is what every object has.
type Metadata struct {
	Name    string  `json:"name"`
	UID     string  `json:"uid"`
	Created string  `json:"creationTimestamp"` // RFC 3339, so that texts have the order of times
	Deleted *string `json:"deletionTimestamp"`
	Owners  []struct {
		UID string `json:"uid"`
	} `json:"ownerReferences"`
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

// Job is what is read of one.
type Job struct {
	Metadata Metadata `json:"metadata"`
	Spec     struct {
		Suspend bool `json:"suspend"`
	} `json:"spec"`
	Status struct {
		Conditions []Condition `json:"conditions"`
	} `json:"status"`
}

// Pod is what is read of one.
type Pod struct {
	Metadata Metadata `json:"metadata"`
	Spec     struct {
		NodeName string `json:"nodeName"`
	} `json:"spec"`
	Status struct {
		Phase      string      `json:"phase"`
		Reason     string      `json:"reason"`
		Message    string      `json:"message"`
		Conditions []Condition `json:"conditions"`
		Containers []struct {
			Name  string         `json:"name"`
			State ContainerState `json:"state"`
		} `json:"containerStatuses"`
	} `json:"status"`
}

// ContainerState is one of waiting, running or terminated.
type ContainerState struct {
	Waiting *struct {
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"waiting"`
	Running    *struct{} `json:"running"`
	Terminated *struct {
		Reason   string `json:"reason"`
		Message  string `json:"message"`
		ExitCode int    `json:"exitCode"`
	} `json:"terminated"`
}

// state is that of the container, zero before there is one.
func (p Pod) state() ContainerState {
	for _, c := range p.Status.Containers {
		if c.Name == ContainerName {
			return c.State
		}
	}
	return ContainerState{}
}

// Event is what is read of one.
type Event struct {
	Metadata Metadata `json:"metadata"`
	Reason   string   `json:"reason"`
	Message  string   `json:"message"`
}

// Workload is Kueue's view of a Job.
type Workload struct {
	Metadata Metadata `json:"metadata"`
	Status   struct {
		Conditions []Condition `json:"conditions"`
	} `json:"status"`
}

// DecodeAll reads objects as T.
func DecodeAll[T any](list []kube.Object) ([]T, error) {
	out := make([]T, 0, len(list))
	for _, o := range list {
		var one T
		raw, err := json.Marshal(o)
		if err == nil {
			err = json.Unmarshal(raw, &one)
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", o.Ref(), err)
		}
		out = append(out, one)
	}
	return out, nil
}
