package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/component"
	"github.com/stagegate/stagegate/devcluster/internal/process"
	"github.com/stagegate/stagegate/devcluster/internal/state"
)

// The test binary plays a component: it ends the first time, with the reason
// that its folder holds in the file "reason", and serves the second time.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == "component" {
		os.Exit(playComponent())
	}
	os.Exit(m.Run())
}

func playComponent() int {
	reason, err := os.ReadFile("reason")
	if err == nil {
		fmt.Println(string(reason))
		_ = os.Remove("reason")
		return 1
	}
	if err := os.WriteFile("serving", nil, 0o600); err != nil {
		return 2
	}
	<-time.NewTimer(time.Minute).C
	return 0
}

func newLaunch(t *testing.T, reason string) *launch {
	t.Helper()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := &Cluster{
		Layout:     state.Layout{Dir: t.TempDir()},
		Executable: executable,
		Progress:   func(part, event string, _ time.Duration) { t.Log(part, event) },
	}
	if err := c.Layout.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(c.Layout.Dir, "reason"), []byte(reason), 0o600); err != nil {
		t.Fatal(err)
	}
	l := &launch{cluster: c, recorded: state.New()}
	t.Cleanup(func() {
		if err := l.rollback(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if left, err := process.Find(l.recorded.Cookie); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	})
	return l
}

func (l *launch) serving(context.Context) error {
	_, err := os.Stat(filepath.Join(l.cluster.Layout.Dir, "serving"))
	return err
}

func TestLostPortIsChosenAnew(t *testing.T) {
	t.Parallel()
	l := newLaunch(t, "listen tcp 127.0.0.1:1: bind: address already in use")
	if err := l.startRegistry(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := l.recorded.Components[0].Identity
	if err := l.untilReady(t.Context(), component.Registry, true, time.Now(), l.serving, l.startRegistry); err != nil {
		t.Fatal(err)
	}
	second, ok := l.recorded.Component(component.Registry)
	if !ok || second.Identity == first || !l.recorded.Alive(component.Registry) {
		t.Errorf("component = %+v, want another process than %v", second, first)
	}
}

func TestComponentThatEndsIsNamed(t *testing.T) {
	t.Parallel()
	l := newLaunch(t, "no space left on device")
	if err := l.startRegistry(t.Context()); err != nil {
		t.Fatal(err)
	}
	err := l.untilReady(t.Context(), component.Registry, true, time.Now(), l.serving, l.startRegistry)
	var ended *ComponentError
	if !errors.As(err, &ended) {
		t.Fatalf("error = %v, want a ComponentError", err)
	}
	if ended.Component != component.Registry || !strings.Contains(ended.Reason, "exit status 1") ||
		strings.Join(ended.Log, "") != "no space left on device" {
		t.Errorf("error = %+v", ended)
	}
}

func TestComponentThatIsNeverReadyIsNamed(t *testing.T) {
	t.Parallel()
	l := newLaunch(t, "")
	if err := os.Remove(filepath.Join(l.cluster.Layout.Dir, "reason")); err != nil {
		t.Fatal(err)
	}
	if err := l.startRegistry(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeoutCause(t.Context(), 50*time.Millisecond, ErrTimeout)
	defer cancel()
	never := func(context.Context) error { return errors.New("the answer is no") }
	err := l.untilReady(ctx, component.Registry, true, time.Now(), never, l.startRegistry)
	var late *ComponentError
	if !errors.As(err, &late) || late.Reason != "is not ready: out of time: the answer is no" {
		t.Errorf("error = %v", err)
	}
}

func TestShape(t *testing.T) {
	t.Parallel()
	three, four, none := 3, 4, 0
	for _, test := range []struct {
		name     string
		want     Shape
		recorded state.Shape
		result   state.Shape
	}{
		{"new", Shape{}, state.Shape{}, state.Shape{Nodes: DefaultNodes, GPUsPerNode: DefaultGPUsPerNode, CPUNodes: DefaultCPUNodes}},
		{"new with a wish", Shape{Nodes: &three}, state.Shape{}, state.Shape{Nodes: 3, GPUsPerNode: DefaultGPUsPerNode, CPUNodes: DefaultCPUNodes}},
		{"new with none", Shape{CPUNodes: &none}, state.Shape{}, state.Shape{Nodes: DefaultNodes, GPUsPerNode: DefaultGPUsPerNode}},
		{"kept", Shape{}, state.Shape{Nodes: 5, GPUsPerNode: 2, CPUNodes: 3}, state.Shape{Nodes: 5, GPUsPerNode: 2, CPUNodes: 3}},
		{"changed", Shape{GPUsPerNode: &four}, state.Shape{Nodes: 5, GPUsPerNode: 2}, state.Shape{Nodes: 5, GPUsPerNode: 4}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if got := test.want.over(test.recorded); got != test.result {
				t.Errorf("got %+v, want %+v", got, test.result)
			}
		})
	}
}
