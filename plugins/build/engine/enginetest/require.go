// Package enginetest gives tests a Docker engine, or makes it plain that there
// is none. Only tests import it.
package enginetest

import (
	"bytes"
	"context"
	"io"
	"os"
	"testing"

	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/docker/docker/client"
	"github.com/docker/docker/pkg/stdcopy"
	"github.com/stagegate/stagegate/plugins/build/engine"
)

// RequireVariable makes a missing engine a failure instead of a skip.
const RequireVariable = "STAGEGATE_REQUIRE_DOCKER"

// Engine is a real engine.
type Engine struct {
	t      testing.TB
	client *client.Client
}

// Require finds the engine that DOCKER_HOST names, or the one at the default
// socket. Without an engine the test is skipped, or fails where the environment
// says that there must be one.
func Require(t testing.TB) *Engine {
	t.Helper()
	e, err := engine.Connect(t.Context())
	if err != nil {
		if os.Getenv(RequireVariable) == "1" {
			t.Fatalf("%s is set: %v", RequireVariable, err)
		}
		t.Skipf("SKIPPED, NOT TESTED: %v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	c, err := client.NewClientWithOpts(client.FromEnv, client.WithAPIVersionNegotiation())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return &Engine{t: t, client: c}
}

// RemoveLater removes an image when the test has ended.
func (e *Engine) RemoveLater(name string) {
	e.t.Helper()
	ctx := context.WithoutCancel(e.t.Context())
	e.t.Cleanup(func() {
		if _, err := e.client.ImageRemove(ctx, name, image.RemoveOptions{Force: true}); err != nil {
			e.t.Errorf("remove image %s: %v", name, err)
		}
	})
}

// Image is the id and the labels of an image.
func (e *Engine) Image(name string) (id string, labels map[string]string) {
	e.t.Helper()
	found, err := e.client.ImageInspect(e.t.Context(), name)
	if err != nil {
		e.t.Fatal(err)
	}
	return found.ID, found.Config.Labels
}

// Containers counts the containers that have a label, running or not.
func (e *Engine) Containers(label string) int {
	found, err := e.client.ContainerList(e.t.Context(), container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label))})
	if err != nil {
		e.t.Errorf("list containers: %v", err)
	}
	return len(found)
}

// Run pulls an image, runs it without a network, and returns what it printed
// and its exit code. Nothing of it is left.
func (e *Engine) Run(reference string) (output string, code int64) {
	e.t.Helper()
	ctx := e.t.Context()
	pulled, err := e.client.ImagePull(ctx, reference, image.PullOptions{})
	e.check(err)
	_, err = io.Copy(io.Discard, pulled)
	e.check(err)
	e.RemoveLater(reference)
	made, err := e.client.ContainerCreate(ctx, &container.Config{Image: reference}, &container.HostConfig{NetworkMode: "none"}, nil, nil, "")
	e.check(err)
	defer func() {
		e.check(e.client.ContainerRemove(context.WithoutCancel(ctx), made.ID, container.RemoveOptions{Force: true}))
	}()
	e.check(e.client.ContainerStart(ctx, made.ID, container.StartOptions{}))
	ended, failed := e.client.ContainerWait(ctx, made.ID, container.WaitConditionNotRunning)
	select {
	case err := <-failed:
		e.check(err)
	case result := <-ended:
		code = result.StatusCode
	}
	logs, err := e.client.ContainerLogs(ctx, made.ID, container.LogsOptions{ShowStdout: true, ShowStderr: true})
	e.check(err)
	var b bytes.Buffer
	_, err = stdcopy.StdCopy(&b, &b, logs)
	e.check(err)
	return b.String(), code
}

func (e *Engine) check(err error) {
	e.t.Helper()
	if err != nil {
		e.t.Fatal(err)
	}
}
