package pluginhost

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stagegate/stagegate/core/pluginhost/internal/proctree"
	"github.com/stagegate/stagegate/sdk/process"
)

func TestOneProcessServesAll(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	dir := t.TempDir()
	var wg sync.WaitGroup
	for i := range 20 {
		s := newStep(t, h, "fake", args{"started": filepath.Join(dir, string(rune('a'+i)))})
		wg.Go(func() {
			if _, err := s.run(t.Context(), h); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	first := pidIn(t, filepath.Join(dir, "a"))
	for i := range 20 {
		if pid := pidIn(t, filepath.Join(dir, string(rune('a'+i)))); pid != first {
			t.Errorf("step %d ran in %d, the first in %d", i, pid, first)
		}
	}
}

// A caller that gives up waiting does not take the launch from the others.
func TestCancelledCallerDoesNotStopALaunch(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	ctx, cancel := context.WithCancelCause(t.Context())
	enough := errors.New("enough")
	cancel(enough)
	if _, _, err := h.Describe(ctx, "fake"); !errors.Is(err, enough) {
		t.Errorf("got %v", err)
	}
	succeeds(t, h)
	if s, err := h.slot("fake"); err != nil || s.launches != 1 {
		t.Errorf("launched %d times, %v", s.launches, err)
	}
}

func TestCloseEndsEverything(t *testing.T) {
	t.Parallel()
	for name, a := range map[string]args{
		"idle":   {},
		"busy":   {"wait_for": "/nonexistent"},
		"frozen": {"fault": "freeze"},
		"deaf":   {"fault": "hang"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(t)
			h := newHost(t, o)
			dir := t.TempDir()
			a["started"], a["escape"] = filepath.Join(dir, "started"), filepath.Join(dir, "escaped")
			s := newStep(t, h, "fake", a)
			s.call.Build.Attempt.Heartbeat.Seconds = 600
			done := s.background(t.Context(), h)
			pids := []int{pidIn(t, a["started"].(string)), pidIn(t, a["escape"].(string))}
			if name == "idle" {
				wait(t, "the step", done)
			}
			begun := time.Now()
			closeHost(t, h)
			if took := time.Since(begun); took > 5*time.Second {
				t.Errorf("took %s", took)
			}
			for _, pid := range pids {
				if !gone(pid) {
					t.Errorf("process %d is alive", pid)
				}
			}
			if name != "idle" {
				faulty(t, wait(t, "the step", done).err, ClassCrashed, "shutting down")
			}
			if _, _, err := h.Describe(t.Context(), "fake"); !errors.Is(err, errClosed) {
				t.Errorf("after close got %v", err)
			}
		})
	}
}

func TestCloseDuringALaunch(t *testing.T) {
	t.Parallel()
	h := newHost(t, options(t))
	done := make(chan error, 1)
	go func() {
		_, _, err := h.Describe(t.Context(), "silent")
		done <- err
	}()
	eventually(t, "the plugin is there", func() bool { return len(marked(h)) > 0 })
	closeHost(t, h)
	if err := wait(t, "the launch", done); !errors.Is(err, errClosed) {
		t.Errorf("got %v", err)
	}
}

// hostVariable makes the test binary a runner of its own, to be killed.
const hostVariable = "PLUGINHOST_TEST_HOST"

// actAsHost runs a step that never ends.
func actAsHost(base string) int {
	h, err := New(context.Background(), Options{
		RunnerDir: os.Getenv(pluginDirVariable), RuntimeDir: filepath.Join(base, "run"), Environ: os.Environ(),
	})
	if err != nil {
		return 1
	}
	t := new(hostProcess)
	s := newStep(t, h, "fake", args{
		"started": filepath.Join(base, "started"), "escape": filepath.Join(base, "escaped"), "wait_for": filepath.Join(base, "never"),
	})
	_, _ = s.run(context.Background(), h)
	return 0
}

// hostProcess stands in for a test where there is none.
type hostProcess struct{ testing.TB }

func (*hostProcess) Helper()                  {}
func (*hostProcess) Name() string             { return "host" }
func (*hostProcess) Context() context.Context { return context.Background() }
func (*hostProcess) TempDir() string          { return os.TempDir() }

func TestKilledRunnerLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, frozen := range []bool{false, true} {
		base, err := os.MkdirTemp("/tmp", "phk") //nolint:usetesting // a socket's path has to be short
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.RemoveAll(base) })
		cmd := exec.Command("/proc/self/exe")
		cmd.Env = append(os.Environ(), hostVariable+"="+base)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		plugin, escaped := pidIn(t, filepath.Join(base, "started")), pidIn(t, filepath.Join(base, "escaped"))
		if frozen {
			signal(t, plugin, syscall.SIGSTOP)
			eventually(t, "the plugin is frozen", func() bool { return stopped(plugin) })
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if !frozen {
			eventually(t, "the plugin is gone", func() bool { return gone(plugin) })
			eventually(t, "the escaped process is gone", func() bool { return gone(escaped) })
		}
		// The next runner sweeps whatever is left.
		o := options(t)
		o.RuntimeDir = filepath.Join(base, "run")
		h := newHost(t, o)
		if !gone(plugin) || !gone(escaped) {
			t.Errorf("frozen %v: the plugin or its child is alive", frozen)
		}
		if entries, err := os.ReadDir(o.RuntimeDir); err != nil || len(entries) != 1 {
			t.Errorf("the runtime folder holds %v, %v", entries, err)
		}
		closeHost(t, h)
	}
}

// bystander starts a process with the given mark.
func bystander(t *testing.T, instance string) int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "/bin/sh", "-c", "exec sleep 1000")
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), process.InstanceVariable + "=" + instance}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Wait() })
	return cmd.Process.Pid
}

func TestSweepSparesTheLiving(t *testing.T) {
	t.Parallel()
	base := filepath.Join(t.TempDir(), "r")
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	if err := preparePrivate(base); err != nil {
		t.Fatal(err)
	}
	living, dead, other := newID(), newID(), newID()
	for _, name := range []string{living, dead, "something-else", unborn + newID()} {
		if err := os.Mkdir(filepath.Join(base, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := lockDir(filepath.Join(base, living))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	orphan := bystander(t, dead+".1")
	eventually(t, "the orphan has its environment", func() bool {
		return len(proctree.Find(runnerMark(dead))) == 1
	})
	spared := []int{bystander(t, living+".1"), bystander(t, other+".1"), bystander(t, "x"+dead+".1")}
	sweep(t.Context(), base, log)
	if !gone(orphan) {
		t.Error("the orphan is alive")
	}
	for i, pid := range spared {
		if gone(pid) {
			t.Errorf("bystander %d was killed", i)
		}
	}
	entries, err := os.ReadDir(base)
	if err != nil || len(entries) != 3 {
		t.Errorf("left %v, %v", entries, err)
	}
}

func TestRuntimeDirIsPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	if err := os.Mkdir(open, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(open, 0o755); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(t.TempDir(), link); err != nil {
		t.Fatal(err)
	}
	long := filepath.Join("/tmp", "a-path-that-is-much-too-long-for-the-address-of-a-socket")
	t.Cleanup(func() { _ = os.Remove(long) })
	for _, base := range []string{open, link, "relative", long} {
		o := options(t)
		o.RuntimeDir = base
		if h, err := New(t.Context(), o); err == nil {
			closeHost(t, h)
			t.Errorf("%s was accepted", base)
		}
	}
}

func TestDefaultRuntimeBase(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("/tmp", "x") //nolint:usetesting // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(dir) })
	if got := defaultRuntimeBase([]string{"XDG_RUNTIME_DIR=" + dir}); got != dir+"/stagegate" {
		t.Errorf("got %s", got)
	}
	fallback := defaultRuntimeBase(nil)
	for _, bad := range []string{"relative", "/nonexistent/dir", "/" + string(make([]byte, 100))} {
		if got := defaultRuntimeBase([]string{"XDG_RUNTIME_DIR=" + bad}); got != fallback {
			t.Errorf("%q: got %s", bad, got)
		}
	}
}
