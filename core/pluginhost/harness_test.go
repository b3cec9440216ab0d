package pluginhost

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/engine"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/pluginhost/internal/proctree"
	"github.com/stagegate/stagegate/sdk/dynamic"
	pluginv1 "github.com/stagegate/stagegate/sdk/proto/runner/plugin/v1"
	"github.com/zclconf/go-cty/cty"
	"google.golang.org/protobuf/types/known/durationpb"
)

// beat is the heartbeat of attempts in tests.
const beat = 200 * time.Millisecond

// options are those of a test: short limits, a runtime folder of its own.
func options(t testing.TB) Options {
	t.Helper()
	base, err := os.MkdirTemp("/tmp", "phr") //nolint:usetesting // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if left, _ := filepath.Glob(filepath.Join(base, "*")); len(left) > 0 {
			t.Errorf("left in the runtime folder: %v", left)
		}
		_ = os.RemoveAll(base)
	})
	return Options{
		RunnerDir: os.Getenv(pluginDirVariable), RuntimeDir: base, Environ: os.Environ(), Version: "test",
		Blobs: &memoryBlobs{dir: t.TempDir()}, Secrets: fixedSecrets{"token": "hunter2"},
		Limits: Limits{Start: 20 * time.Second, Grace: 500 * time.Millisecond, Kill: time.Second, Probe: time.Second},
	}
}

// newHost makes a host that is closed, and has to leave nothing, at the end.
func newHost(t testing.TB, o Options) *Host {
	t.Helper()
	h, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeHost(t, h) })
	return h
}

func closeHost(t testing.TB, h *Host) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	if err := h.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
	if ctx.Err() != nil {
		t.Error("close did not end by itself")
	}
}

// attempt is a fresh one.
func attempt(t testing.TB) *pluginv1.Attempt {
	t.Helper()
	name := strings.NewReplacer("/", "_", "#", "_").Replace(t.Name())
	return &pluginv1.Attempt{
		Id: name + "-" + newID(), Run: "run", Stage: "stage.s", Number: 1,
		WorkDir: t.TempDir(), ScratchDir: t.TempDir(), Heartbeat: durationpb.New(beat),
	}
}

// config encodes the arguments for a component; the others are null.
func config(t testing.TB, h *Host, plugin, component string, args map[string]cty.Value) *pluginv1.DynamicValue {
	t.Helper()
	d, _, err := h.Describe(t.Context(), plugin)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(d.GetComponents(), func(c *pluginv1.Component) bool { return c.GetName() == component })
	if i < 0 {
		t.Fatalf("plugin %s has no component %s", plugin, component)
	}
	ty, err := dynamic.ImpliedType(d.GetComponents()[i].GetConfig())
	if err != nil {
		t.Fatal(err)
	}
	values := make(map[string]cty.Value)
	for name, at := range ty.AttributeTypes() {
		values[name] = cty.NullVal(at)
		if v, ok := args[name]; ok {
			values[name] = v
		}
	}
	out, err := dynamic.Encode(cty.ObjectVal(values), ty)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// args are arguments of fake.step: strings and numbers.
type args map[string]any

func (a args) values() map[string]cty.Value {
	out := make(map[string]cty.Value)
	for k, v := range a {
		switch v := v.(type) {
		case int:
			out[k] = cty.NumberIntVal(int64(v))
		case string:
			out[k] = cty.StringVal(v)
		}
	}
	return out
}

// step is one execution of fake.step and what came of it.
type step struct {
	call   engine.Call
	mu     sync.Mutex
	events []*pluginv1.Event
	log    bytes.Buffer
	sink   func(*pluginv1.Event) error
}

func newStep(t testing.TB, h *Host, plugin string, a args) *step {
	t.Helper()
	at := attempt(t)
	return &step{call: engine.Call{
		Component: pipeline.ComponentRef{Plugin: plugin, Name: "step"},
		Build:     &pluginv1.BuildRequest{Component: "step", Attempt: at, Config: config(t, h, plugin, "step", a.values())},
		Scope:     engine.Scope{AttemptID: at.GetId(), Secrets: []string{"token"}},
	}}
}

func (s *step) run(ctx context.Context, h *Host) (*pluginv1.Result, error) {
	return h.Execute(ctx, s.call, func(e *pluginv1.Event) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.events = append(s.events, e)
		s.log.Write(e.GetLog().GetData())
		if s.sink != nil {
			return s.sink(e)
		}
		return nil
	})
}

// background runs a step and gives its end.
func (s *step) background(ctx context.Context, h *Host) <-chan outcome {
	done := make(chan outcome, 1)
	go func() {
		result, err := s.run(ctx, h)
		done <- outcome{result, err}
	}()
	return done
}

type outcome struct {
	result *pluginv1.Result
	err    error
}

// wait fails the test when nothing comes.
func wait[T any](t testing.TB, what string, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("waited in vain for %s", what)
	}
	panic("unreachable")
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	deadline := time.After(20 * time.Second)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-deadline:
			t.Fatalf("waited in vain until %s", what)
		case <-tick.C:
		}
	}
}

// pidIn waits for a file with a pid.
func pidIn(t testing.TB, path string) int {
	t.Helper()
	var pid int
	eventually(t, "there is a pid in "+path, func() bool {
		data, err := os.ReadFile(path)
		if err == nil {
			pid, err = strconv.Atoi(string(data))
		}
		return err == nil
	})
	return pid
}

// state is the letter of a process's state, or empty when there is none.
func state(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return rest[:1]
}

// stopped reports whether every thread of a process is.
func stopped(pid int) bool {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	for _, thread := range threads {
		stat, readErr := os.ReadFile(thread)
		if _, rest, _ := strings.Cut(string(stat), ") "); readErr != nil || !strings.HasPrefix(rest, "T") {
			return false
		}
	}
	return err == nil && len(threads) > 0
}

// gone reports whether a process has ended; a zombie has.
func gone(pid int) bool { return state(pid) == "" || state(pid) == "Z" }

// faulty checks the class of a plugin error and a part of its text.
func faulty(t testing.TB, err error, class, text string) *engine.PluginError {
	t.Helper()
	fault, ok := err.(*engine.PluginError) //nolint:errorlint // the contract is the type itself
	if !ok {
		t.Fatalf("got %T %v, want a *engine.PluginError of class %s", err, err, class)
	}
	if fault.Class != class || !strings.Contains(fault.Error(), text) {
		t.Errorf("got class %s, %q; want %s, %q", fault.Class, fault, class, text)
	}
	return fault
}

// succeeds runs a trivial step: the host works.
func succeeds(t testing.TB, h *Host) {
	t.Helper()
	result, err := newStep(t, h, "fake", args{"stdout": "hi\n"}).run(t.Context(), h)
	if err != nil || result.GetOutcome() != pluginv1.Outcome_OUTCOME_SUCCEEDED {
		t.Fatalf("got %v, %v", result, err)
	}
}

// signal sends a signal to a process of the test.
func signal(t testing.TB, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
}

// memoryBlobs keeps blobs in files.
type memoryBlobs struct{ dir string }

func (m *memoryBlobs) Open(digest string) (*os.File, error) {
	return os.Open(filepath.Join(m.dir, strings.TrimPrefix(digest, "sha256:")))
}

func (m *memoryBlobs) Put(_ context.Context, r io.Reader) (string, int64, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return "", 0, err
	}
	sum := sha256.Sum256(data)
	name := hex.EncodeToString(sum[:])
	return "sha256:" + name, int64(len(data)), os.WriteFile(filepath.Join(m.dir, name), data, 0o600)
}

func (m *memoryBlobs) count() int {
	entries, _ := os.ReadDir(m.dir)
	return len(entries)
}

type fixedSecrets map[string]string

func (f fixedSecrets) Resolve(_ context.Context, name string) ([]byte, error) {
	if v, ok := f[name]; ok {
		return []byte(v), nil
	}
	return nil, fmt.Errorf("no secret %s", name)
}

// marked are the processes that the host has started.
func marked(h *Host) []int { return proctree.Find(runnerMark(h.runtime.id)) }

// announceRelease makes the file that a step waits for.
func announceRelease(path string) error { return os.WriteFile(path, nil, 0o600) }

// classOf is the class of a plugin error.
func classOf(err error) string {
	if fault, ok := errors.AsType[*engine.PluginError](err); ok {
		return fault.Class
	}
	return ""
}

// bare runs a plugin as a person would, who gets an explanation.
func bare(path string) ([]byte, error) {
	cmd := exec.Command(path)
	return cmd.CombinedOutput()
}
