// Package enginetest gives tests a Docker engine, or makes it plain that there
// is none. Only tests import it. It speaks the engine's API without the client
// library, so that what it sees is independent of what it checks.
package enginetest

import (
	"context"
	"encoding/base64"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/plugins/internal/engine"
)

// RequireVariable makes a missing engine a failure instead of a skip.
const RequireVariable = "STAGEGATE_REQUIRE_DOCKER"

// Engine is a real engine.
type Engine struct {
	t                testing.TB
	network, address string
	http             api
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
	found := &Engine{t: t, network: network, address: at, http: newAPI(network, at)}
	t.Cleanup(found.http.close)
	return found
}

// RemoveLater removes an image when the test has ended, where it is still there.
func (e *Engine) RemoveLater(name string) {
	e.t.Helper()
	ctx := context.WithoutCancel(e.t.Context())
	e.t.Cleanup(func() {
		if _, err := e.http.call(ctx, "DELETE", "/images/"+name+"?force=1", nil, nil); err != nil && !strings.Contains(err.Error(), "404 Not Found") {
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

// Labels are the values that a label has, one for each container, running or
// not, and each volume.
func (e *Engine) Labels(label string) []string {
	e.t.Helper()
	type labelled struct{ Labels map[string]string }
	var containers []labelled
	var volumes struct{ Volumes []labelled }
	filter := "filters=" + url.QueryEscape(`{"label":["`+label+`"]}`)
	e.get("/containers/json?all=1&"+filter, &containers)
	e.get("/volumes?"+filter, &volumes)
	var found []string
	for _, one := range append(containers, volumes.Volumes...) {
		found = append(found, one.Labels[label])
	}
	return found
}

// Running counts the running containers that have a label with a value.
func (e *Engine) Running(label, value string) int {
	e.t.Helper()
	var found []struct{}
	e.get("/containers/json?filters="+url.QueryEscape(`{"label":["`+label+"="+value+`"]}`), &found)
	return len(found)
}

// RemoveLabelled removes containers and their volumes by a label with its value.
func (e *Engine) RemoveLabelled(label string) {
	e.t.Helper()
	ctx, filter := context.WithoutCancel(e.t.Context()), "filters="+url.QueryEscape(`{"label":["`+label+`"]}`)
	var containers []struct {
		ID string `json:"Id"`
	}
	e.get("/containers/json?all=1&"+filter, &containers)
	for _, c := range containers {
		if _, err := e.http.call(ctx, "DELETE", "/containers/"+c.ID+"?force=1&v=1", nil, nil); err != nil {
			e.t.Error(err)
		}
	}
	var volumes struct{ Volumes []struct{ Name string } }
	e.get("/volumes?"+filter, &volumes)
	for _, v := range volumes.Volumes {
		if _, err := e.http.call(ctx, "DELETE", "/volumes/"+v.Name, nil, nil); err != nil {
			e.t.Error(err)
		}
	}
}

// Push moves an image without another name to a registry on loopback: the engine
// has it no more.
func (e *Engine) Push(image, name string) (digest string) {
	e.t.Helper()
	e.post("/images/"+image+"/tag?repo="+name+"&tag=pushed", nil, nil)
	req := e.http.with("X-Registry-Auth", base64.URLEncoding.EncodeToString([]byte("{}")))
	raw, err := req.call(e.t.Context(), "POST", "/images/"+name+"/push?tag=pushed", nil, nil)
	if err != nil {
		e.t.Fatal(err)
	}
	found := regexp.MustCompile(`"Digest":"(sha256:[0-9a-f]{64})"`).FindSubmatch(raw)
	if found == nil {
		e.t.Fatalf("push %s: %s", name, raw)
	}
	if _, err := e.http.call(e.t.Context(), "DELETE", "/images/"+name+":pushed", nil, nil); err != nil {
		e.t.Fatal(err)
	}
	return string(found[1])
}

// Volume makes a volume with labels that goes with the test.
func (e *Engine) Volume(labels map[string]string) (name string) {
	e.t.Helper()
	var made struct{ Name string }
	raw, err := e.http.call(e.t.Context(), "POST", "/volumes/create", map[string]any{"Labels": labels}, &made)
	if err != nil {
		e.t.Fatalf("%v: %s", err, raw)
	}
	ctx := context.WithoutCancel(e.t.Context())
	e.t.Cleanup(func() { _, _ = e.http.call(ctx, "DELETE", "/volumes/"+made.Name, nil, nil) })
	return made.Name
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
