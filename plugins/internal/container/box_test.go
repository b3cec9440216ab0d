package container_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/stagegate/stagegate/plugins/internal/container"
	"github.com/stagegate/stagegate/plugins/internal/engine/enginetest"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
	"log"
	"net/http/httptest"
)

// heard is what a stage prints.
type heard struct {
	mu  sync.Mutex
	all bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all.Write(p)
}

func (h *heard) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.all.String()
}

func (h *heard) Stdout() io.Writer                     { return h }
func (h *heard) Stderr() io.Writer                     { return h }
func (h *heard) Progress(string, int64, int64, string) {}

func words(w ...string) cty.Value {
	out := make([]cty.Value, len(w))
	for i, s := range w {
		out[i] = cty.StringVal(s)
	}
	return cty.ListVal(out)
}

// job runs the toolbox with all arguments that a configuration may have.
func job(t *testing.T, image string, more map[string]cty.Value, command ...string) container.Job {
	t.Helper()
	fields := map[string]cty.Value{
		"image": cty.StringVal(image), "command": words(append([]string{"/toolbox"}, command...)...),
		"env": cty.NullVal(cty.Map(cty.String)), "dir": cty.NullVal(cty.String), "inputs": cty.NullVal(cty.List(cty.String)),
		"limits": cty.NullVal(cty.EmptyObject),
	}
	for _, a := range container.Attributes() {
		fields[a.Name] = cty.NullVal(a.Type)
	}
	maps.Copy(fields, more)
	return container.Job{Writable: container.Out, Request: sdk.Request{
		Attempt: sdk.Attempt{ID: t.Name(), Run: "run", Stage: "stage.test", WorkDir: t.TempDir()},
		Config:  sdk.NewConfig(cty.ObjectVal(fields)),
	}}
}

// Asked to stop while the engine hangs, a stage ends in time and says what it
// leaves behind.
func TestEngineHangs(t *testing.T) {
	e := enginetest.Require(t)
	proxy, image := e.Proxy(), e.Toolbox()
	t.Setenv("DOCKER_HOST", proxy.Address)
	var out heard
	stop := errors.New("enough")
	ctx, cancel := context.WithCancelCause(t.Context())
	box, err := container.Open(ctx, job(t, image, nil, "wait"), &out)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for t.Context().Err() == nil && e.Running("dev.stagegate.attempt", t.Name()) == 0 {
			continue
		}
		proxy.Freeze()
		cancel(stop)
	}()
	if _, err := box.Run(ctx); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	asked := time.Now()
	box.Close(ctx)
	if took := time.Since(asked); took > sdk.Grace/2 {
		t.Errorf("cleaning up took %s", took)
	}
	if !strings.Contains(out.String(), "is left behind") {
		t.Errorf("it does not say what is left behind: %s", out.String())
	}
	e.RemoveLabelled("dev.stagegate.attempt=" + t.Name())
}

// An image that the engine does not have is pulled, and it is the very image.
func TestPullsByDigest(t *testing.T) {
	e := enginetest.Require(t)
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	name := server.Listener.Addr().String() + "/eval"
	digest := e.Push(e.Toolbox(), name)
	for range 2 { // pulled, and then there
		var out heard
		box, err := container.Open(t.Context(), job(t, name+"@"+digest, nil, "out", "hello"), &out)
		if err != nil {
			t.Fatal(err)
		}
		exit, err := box.Run(t.Context())
		box.Close(t.Context())
		if err != nil || exit.Code != 0 || !strings.Contains(out.String(), "hello\n") {
			t.Errorf("%+v, %v: %s", exit, err, out.String())
		}
	}
	e.RemoveLater(name + "@" + digest)
}
