// Package enginetest gives tests a Docker engine, or makes it plain that there
// is none. Only tests import it. It speaks the engine's API without the client
// library, so that what it sees is independent of what it checks.
package enginetest

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/internal/engine"
)

// RequireVariable makes a missing engine a failure instead of a skip.
const RequireVariable = "STAGEGATE_REQUIRE_DOCKER"

// Engine is a real engine.
type Engine struct {
	t    testing.TB
	http api
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
	address := os.Getenv("DOCKER_HOST")
	if address == "" {
		address = "unix:///var/run/docker.sock"
	}
	network, at, _ := strings.Cut(address, "://")
	found := &Engine{t: t, http: newAPI(network, at)}
	t.Cleanup(found.http.close)
	return found
}

// RemoveLater removes an image when the test has ended.
func (e *Engine) RemoveLater(name string) {
	e.t.Helper()
	ctx := context.WithoutCancel(e.t.Context())
	e.t.Cleanup(func() {
		if _, err := e.http.call(ctx, "DELETE", "/images/"+name+"?force=1", nil, nil); err != nil {
			e.t.Errorf("remove image %s: %v", name, err)
		}
	})
}

// Image is the id and the labels of an image.
func (e *Engine) Image(name string) (id string, labels map[string]string) {
	e.t.Helper()
	var found struct {
		ID     string `json:"Id"`
		Config struct{ Labels map[string]string }
	}
	e.get("/images/"+name+"/json", &found)
	return found.ID, found.Config.Labels
}

// Containers counts the containers that have a label, running or not.
func (e *Engine) Containers(label string) int {
	var found []struct{}
	if _, err := e.http.call(e.t.Context(), "GET", "/containers/json?all=1&filters=%7B%22label%22%3A%5B%22"+label+"%22%5D%7D", nil, &found); err != nil {
		e.t.Errorf("list containers: %v", err)
	}
	return len(found)
}

// Run pulls an image, runs it without a network, and returns what it printed
// and its exit code. Nothing of it is left.
func (e *Engine) Run(reference string) (output string, code int) {
	e.t.Helper()
	e.post("/images/create?fromImage="+reference, nil, nil)
	e.RemoveLater(reference)
	var made struct {
		ID string `json:"Id"`
	}
	e.post("/containers/create", map[string]any{
		"Image": reference, "Tty": true, // one stream of output, as it is
		"HostConfig": map[string]any{"NetworkMode": "none"},
	}, &made)
	at := "/containers/" + made.ID
	ctx := context.WithoutCancel(e.t.Context())
	defer func() {
		if _, err := e.http.call(ctx, "DELETE", at+"?force=1", nil, nil); err != nil {
			e.t.Errorf("remove container: %v", err)
		}
	}()
	e.post(at+"/start", nil, nil)
	var ended struct{ StatusCode int }
	e.post(at+"/wait", nil, &ended)
	return string(e.get(at+"/logs?stdout=1&stderr=1", nil)), ended.StatusCode
}

func (e *Engine) get(path string, into any) []byte {
	e.t.Helper()
	raw, err := e.http.call(e.t.Context(), "GET", path, nil, into)
	if err != nil {
		e.t.Fatal(err)
	}
	return raw
}

func (e *Engine) post(path string, body, into any) {
	e.t.Helper()
	if _, err := e.http.call(e.t.Context(), "POST", path, body, into); err != nil {
		e.t.Fatal(err)
	}
}
