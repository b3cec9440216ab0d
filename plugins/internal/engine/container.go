package engine

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/mount"
)

// Spec is a container. There is nothing in it that gives a container rights on
// the machine: no path of the host, no capability, no device but GPUs.
type Spec struct {
	Name    string
	Image   string
	Command []string // in place of the image's entry point and command; empty: those
	Env     map[string]string
	Dir     string
	User    string
	Labels  map[string]string
	Mounts  []Mount
	Network bool // the engine's default network; otherwise none at all
	Limits  Limits
}

// Mount is a volume of the engine in a container.
type Mount struct {
	Volume, Path string
	ReadOnly     bool
}

// Limits are what a container may use; 0 leaves it to the engine.
type Limits struct {
	Memory int64 // bytes, without any swap beside them
	Shared int64 // bytes of /dev/shm
	Temp   int64 // bytes of /tmp, which is memory
	CPUs   float64
	Pids   int64
	GPUs   int // -1 is all of them
	// Devices are GPUs by the names that their driver has for them.
	Devices []string
}

// StartError says that a container could not be started.
type StartError struct {
	Reason StartReason
	Err    error
}

// StartReason is what a start failed for, as far as it can be told.
type StartReason int

// The reasons.
const (
	StartOther StartReason = iota
	StartCommand
	StartGPU
)

// Error is what the engine says.
func (e *StartError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *StartError) Unwrap() error { return e.Err }

// Create makes a container that does not run yet.
func (e *Engine) Create(ctx context.Context, s Spec) (id string, err error) {
	made, err := e.client.ContainerCreate(ctx, s.config(), s.host(), nil, nil, s.Name)
	if err != nil {
		return "", ended(ctx, fmt.Errorf("create container: %w", said(err)))
	}
	return made.ID, nil
}

// CreateIdle makes a container that is never started: only its files count.
func (e *Engine) CreateIdle(ctx context.Context, s Spec) (id string, err error) {
	host := s.host()
	host.ReadonlyRootfs = false // the engine would copy nothing into one
	made, err := e.client.ContainerCreate(ctx, s.config(), host, nil, nil, s.Name)
	if err != nil {
		return "", ended(ctx, fmt.Errorf("create container: %w", said(err)))
	}
	return made.ID, nil
}

func (s Spec) config() *container.Config {
	c := &container.Config{
		Image: s.Image, Entrypoint: s.Command, WorkingDir: s.Dir, User: s.User, Labels: s.Labels,
		AttachStdout: true, AttachStderr: true,
		Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
	}
	for name, value := range s.Env {
		c.Env = append(c.Env, name+"="+value)
	}
	return c
}

// host takes from the container whatever can be taken from it.
func (s Spec) host() *container.HostConfig {
	h := &container.HostConfig{
		NetworkMode: container.NetworkMode("none"), IpcMode: container.IPCModePrivate,
		ReadonlyRootfs: true, CapDrop: []string{"ALL"}, SecurityOpt: []string{"no-new-privileges"},
		// What it prints is read as it comes; nothing of it stays with the engine.
		LogConfig: container.LogConfig{Type: "none"},
		ShmSize:   s.Limits.Shared,
		Tmpfs:     map[string]string{"/tmp": "rw,exec,nosuid,nodev,mode=1777"},
		Resources: container.Resources{Memory: s.Limits.Memory, MemorySwap: s.Limits.Memory, NanoCPUs: int64(s.Limits.CPUs * 1e9)},
	}
	if s.Network {
		h.NetworkMode = network
	}
	if s.Limits.Temp > 0 {
		h.Tmpfs["/tmp"] += ",size=" + strconv.FormatInt(s.Limits.Temp, 10)
	}
	if s.Limits.Pids > 0 {
		h.PidsLimit = &s.Limits.Pids
	}
	if s.Limits.GPUs != 0 || len(s.Limits.Devices) > 0 {
		h.DeviceRequests = []container.DeviceRequest{{
			Count: s.Limits.GPUs, DeviceIDs: s.Limits.Devices, Capabilities: [][]string{{"gpu"}},
		}}
	}
	for _, m := range s.Mounts {
		h.Mounts = append(h.Mounts, mount.Mount{Type: mount.TypeVolume, Source: m.Volume, Target: m.Path, ReadOnly: m.ReadOnly,
			VolumeOptions: &mount.VolumeOptions{NoCopy: true}})
	}
	return h
}

// network is the one that the engine itself chooses.
const network = container.NetworkMode("default")

// Remove removes a container, running or not, and the volumes without a name
// that its image has asked for. One that is gone is no error.
func (e *Engine) Remove(ctx context.Context, id string) error {
	err := e.client.ContainerRemove(ctx, id, container.RemoveOptions{Force: true, RemoveVolumes: true})
	if err != nil && !gone(err) {
		return ended(ctx, fmt.Errorf("remove container %s: %w", short(id), said(err)))
	}
	return nil
}

// start sorts what can go wrong by what the user can do about it.
func (e *Engine) start(ctx context.Context, id string) error {
	err := e.client.ContainerStart(ctx, id, container.StartOptions{})
	if err == nil {
		return nil
	}
	err = said(err)
	if lost := new(LostError); ctx.Err() != nil || errors.As(err, &lost) {
		return ended(ctx, err)
	}
	reason := StartOther
	switch words := err.Error(); {
	case strings.Contains(words, "could not select device driver"), strings.Contains(words, "nvidia-container-cli"), strings.Contains(words, "failed to inject CDI"):
		reason = StartGPU
	case strings.Contains(words, "exec: "), strings.Contains(words, "executable file not found"), strings.Contains(words, "chdir to cwd"):
		reason = StartCommand
	}
	return &StartError{Reason: reason, Err: err}
}

// said is what the engine says, without what the client puts in front of it. What
// is not an answer of the engine's is a *LostError.
func said(err error) error {
	const client = "Error response from daemon: "
	if words, ok := strings.CutPrefix(err.Error(), client); ok {
		return errors.New(strings.TrimSpace(words))
	}
	return &LostError{err}
}

// short is an id as people see it.
func short(id string) string { return id[:min(len(id), 12)] }
