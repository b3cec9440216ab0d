package engine

import (
	"context"
	"fmt"
	"time"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/volume"
)

// CreateVolume makes an empty volume.
func (e *Engine) CreateVolume(ctx context.Context, name string, labels map[string]string) error {
	if _, err := e.client.VolumeCreate(ctx, volume.CreateOptions{Name: name, Labels: labels}); err != nil {
		return ended(ctx, fmt.Errorf("create volume: %w", said(err)))
	}
	return nil
}

// RemoveVolume removes a volume that no container has. One that is gone is no
// error.
func (e *Engine) RemoveVolume(ctx context.Context, name string) error {
	if err := e.client.VolumeRemove(ctx, name, true); err != nil && !gone(err) {
		return ended(ctx, fmt.Errorf("remove volume %s: %w", name, said(err)))
	}
	return nil
}

// Labelled is a container or a volume.
type Labelled struct {
	Name    string
	Labels  map[string]string
	Running bool // or paused; never of a volume
	Created time.Time
}

// Containers are those that have a label, whatever its value.
func (e *Engine) Containers(ctx context.Context, label string) ([]Labelled, error) {
	found, err := e.client.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label))})
	if err != nil {
		return nil, ended(ctx, fmt.Errorf("list containers: %w", said(err)))
	}
	out := make([]Labelled, 0, len(found))
	for _, c := range found {
		still := c.State == container.StateCreated || c.State == container.StateExited || c.State == container.StateDead
		out = append(out, Labelled{Name: c.ID, Labels: c.Labels, Running: !still, Created: time.Unix(c.Created, 0)})
	}
	return out, nil
}

// Volumes are those that have a label, whatever its value.
func (e *Engine) Volumes(ctx context.Context, label string) ([]Labelled, error) {
	found, err := e.client.VolumeList(ctx, volume.ListOptions{Filters: filters.NewArgs(filters.Arg("label", label))})
	if err != nil {
		return nil, ended(ctx, fmt.Errorf("list volumes: %w", said(err)))
	}
	out := make([]Labelled, 0, len(found.Volumes))
	for _, v := range found.Volumes {
		made, _ := time.Parse(time.RFC3339, v.CreatedAt) // without it the volume is taken for old
		out = append(out, Labelled{Name: v.Name, Labels: v.Labels, Created: made})
	}
	return out, nil
}
