package kubernetes

import (
	"encoding/json"
	"fmt"

	"github.com/stagegate/stagegate/plugins/deploy/rollout"
	"github.com/stagegate/stagegate/plugins/internal/kube"
	"github.com/stagegate/stagegate/sdk"
)

// handle is how a rollout is found again by a runner that knows nothing else.
type handle struct {
	Version    int       `json:"version"`
	ClusterUID string    `json:"cluster_uid"`
	Namespace  string    `json:"namespace"`
	Release    release   `json:"release"`
	Limits     limits    `json:"limits"`
	Objects    []touched `json:"objects"` // in the order of their application
	// Generation of the Deployment before the first write, 0 when there was
	// none: while it stands, the Deployment has not been written.
	Generation int64 `json:"generation"`
}

// touched is one object of a rollout.
type touched struct {
	kube.Ref
	// Existed before, so that it is not ours to delete.
	Existed bool `json:"existed"`
}

const handleVersion = 1

func (h handle) encode() ([]byte, error) { return json.Marshal(h) }

func decodeHandle(raw []byte) (handle, error) {
	var h handle
	err := json.Unmarshal(raw, &h)
	if err == nil && h.Version != handleVersion {
		err = fmt.Errorf("it is of version %d, and this plugin writes %d", h.Version, handleVersion)
	}
	if err != nil {
		return handle{}, &sdk.Failure{
			Summary: "the handle of the rollout cannot be read", Class: classHandle, Broken: true, Cause: err,
			Detail: "It was written by another version of the plugin. Look at the Deployment itself.",
		}
	}
	return h, nil
}

func (h handle) goal() rollout.Goal {
	return rollout.Goal{Name: h.Release.Name, Revision: h.Release.Revision, Replicas: h.Release.Replicas}
}

func (h handle) deployment() kube.Ref {
	return kube.Ref{Kind: "Deployment", Namespace: h.Namespace, Name: h.Release.Name}
}

func (h handle) outputs() sdk.Outputs {
	return sdk.Outputs{
		"name":        text(h.Release.Name),
		"namespace":   text(h.Namespace),
		"revision":    text(h.Release.Revision),
		"service":     text(fmt.Sprintf("%s.%s.svc:%d", h.Release.Name, h.Namespace, h.Release.Port)),
		"cluster_uid": text(h.ClusterUID),
	}
}
