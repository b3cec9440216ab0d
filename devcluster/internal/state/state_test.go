package state

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/process"
)

func TestSaveAndLoad(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.json")
	if _, err := Load(path); !errors.Is(err, ErrNone) {
		t.Fatalf("error = %v, want ErrNone", err)
	}
	want := New()
	want.Shape = Shape{Nodes: 2, GPUsPerNode: 8, CPUNodes: 1}
	want.Ports = Ports{APIServer: 6443, Registry: 5000}
	want.Record(Component{Name: "etcd", Identity: process.Identity{PID: 7, StartTicks: 9}, StartedAt: time.Unix(1, 0).UTC()})
	want.Record(Component{Name: "etcd", Identity: process.Identity{PID: 8, StartTicks: 10}, StartedAt: time.Unix(2, 0).UTC()})
	if err := want.Save(path); err != nil {
		t.Fatal(err)
	}
	got, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if len(got.Components) != 1 || got.Components[0].PID != 8 {
		t.Errorf("components = %+v, want the later one alone", got.Components)
	}
}

func TestLoadRejects(t *testing.T) {
	t.Parallel()
	for name, content := range map[string]string{
		"half a file":    `{"format_version": 1, "cook`,
		"another format": `{"format_version": 99, "cookie": "x"}`,
		"no cookie":      `{"format_version": 1}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "state.json")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := Load(path); err == nil || errors.Is(err, ErrNone) {
				t.Errorf("error = %v, want one about the content", err)
			}
		})
	}
}

func TestAliveNeedsTheCookie(t *testing.T) {
	t.Parallel()
	self, err := process.Identify(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	s := New()
	s.Record(Component{Name: "etcd", Identity: self})
	if s.Alive("etcd") {
		t.Error("a process without the cookie passes for a component")
	}
	if s.Alive("kwok") {
		t.Error("a component that was never recorded is alive")
	}
}

func TestLockIsExclusive(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "lock")
	lock, err := Acquire(t.Context(), path, func() { t.Error("waited for a free lock") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	if _, err := Acquire(ctx, path, func() { cancel(interrupted) }); !errors.Is(err, interrupted) {
		t.Fatalf("error = %v, want the cause of the cancellation", err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
	lock, err = Acquire(t.Context(), path, func() {})
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Fatal(err)
	}
}

func TestNewLayout(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, dir string
		env       map[string]string
		want      string
	}{
		{"flag", "/a", map[string]string{"DEVCLUSTER_DIR": "/b"}, "/a"},
		{"own variable", "", map[string]string{"DEVCLUSTER_DIR": "/b", "XDG_STATE_HOME": "/c"}, "/b"},
		{"XDG", "", map[string]string{"XDG_STATE_HOME": "/c", "HOME": "/h"}, "/c/stagegate/devcluster"},
		{"relative XDG", "", map[string]string{"XDG_STATE_HOME": "c", "HOME": "/h"}, "/h/.local/state/stagegate/devcluster"},
		{"home", "", map[string]string{"HOME": "/h"}, "/h/.local/state/stagegate/devcluster"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			layout, err := NewLayout(test.dir, func(name string) string { return test.env[name] })
			if err != nil {
				t.Fatal(err)
			}
			if layout.Dir != test.want {
				t.Errorf("dir = %s, want %s", layout.Dir, test.want)
			}
		})
	}
	if _, err := NewLayout("", func(string) string { return "" }); err == nil {
		t.Error("no error without any place to go")
	}
}

func TestLayoutCreateAndRemove(t *testing.T) {
	t.Parallel()
	layout := Layout{Dir: filepath.Join(t.TempDir(), "parent", "cluster")}
	if err := layout.Create(); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{layout.Dir, layout.PKI(""), layout.Config(""), layout.Registry("")} {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o700 {
			t.Errorf("mode of %s = %o, want 700", dir, got)
		}
	}
	if err := layout.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(layout.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v, want the directory gone", err)
	}
}

// The directory may be one that the user keeps other things in.
func TestLayoutSparesForeignFiles(t *testing.T) {
	t.Parallel()
	layout := Layout{Dir: t.TempDir()}
	foreign := filepath.Join(layout.Dir, "thesis.tex")
	if err := os.WriteFile(foreign, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := layout.Create(); err != nil {
		t.Fatal(err)
	}
	if err := layout.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(layout.PKI("")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error = %v, want the cluster's own folder gone", err)
	}
}
