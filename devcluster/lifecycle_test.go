package main

import (
	"bufio"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stagegate/stagegate/devcluster/internal/cluster"
	"github.com/stagegate/stagegate/devcluster/internal/component"
	"github.com/stagegate/stagegate/devcluster/internal/port"
	"github.com/stagegate/stagegate/devcluster/internal/process"
	"github.com/stagegate/stagegate/devcluster/internal/state"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestLifecycle(t *testing.T) {
	d := newDevcluster(t)
	if report := d.report(t, exitStopped, "status"); report.State != cluster.Stopped {
		t.Errorf("state = %s before the first start", report.State)
	}
	first := d.report(t, exitDone, "up")
	checkReport(t, first, cluster.DefaultNodes, cluster.DefaultCPUNodes)
	if second := d.report(t, exitDone, "up"); !maps.Equal(pids(first), pids(second)) {
		t.Errorf("a second up changed the processes: %v, then %v", pids(first), pids(second))
	}
	checkPrivate(t, d.dir)

	t.Run("pods", func(t *testing.T) { testPods(t, first) })
	t.Run("registry", func(t *testing.T) { testRegistry(t, first.Registry) })
	t.Run("repair", func(t *testing.T) { testRepair(t, d, first) })
	t.Run("more nodes", func(t *testing.T) {
		checkReport(t, d.report(t, exitDone, "up", "--nodes", "3"), 3, cluster.DefaultCPUNodes)
		checkReport(t, d.report(t, exitDone, "up", "--cpu-nodes", "2"), 3, 2)
		checkReport(t, d.report(t, exitDone, "up", "--cpu-nodes", "0"), 3, 0)
		checkReport(t, d.report(t, exitDone, "up"), 3, 0)
	})
	t.Run("down", func(t *testing.T) { testDown(t, d, first) })
}

func checkReport(t *testing.T, report cluster.Report, gpuNodes, cpuNodes int) {
	t.Helper()
	if !report.Running || report.State != cluster.Running || len(report.Components) != 6 {
		t.Errorf("report = %+v, want it running with six components", report)
	}
	if len(report.Nodes) != gpuNodes+cpuNodes {
		t.Fatalf("%d nodes, want %d", len(report.Nodes), gpuNodes+cpuNodes)
	}
	for i, n := range report.Nodes {
		kind, gpus := "gpu-node-", int64(cluster.DefaultGPUsPerNode)
		if i >= gpuNodes {
			kind, gpus = "cpu-node-", 0
		}
		if n.GPUs != gpus || !n.Ready || !strings.HasPrefix(n.Name, kind) {
			t.Errorf("node %+v, want a %s… that is ready with %d GPUs", n, kind, gpus)
		}
	}
}

// checkPrivate: keys and tokens must be out of reach of other users.
func checkPrivate(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		// What lies in a private folder may itself be open: nobody gets there.
		if parent, err := os.Stat(filepath.Dir(path)); err == nil && path != dir && parent.Mode().Perm()&0o077 == 0 {
			return nil
		}
		if path != dir && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// testRepair kills components and expects up to replace those alone, and the
// data to be there still.
func testRepair(t *testing.T, d devcluster, first cluster.Report) {
	for _, test := range []struct{ victim, blamed string }{
		{component.Scheduler, component.Scheduler},
		{component.KWOK, component.KWOK},
		{component.Etcd, component.Etcd},
		{component.APIServer, component.APIServer},
	} {
		before := d.report(t, exitDone, "up")
		kill(t, before, test.victim)
		degraded := d.report(t, exitInternal, "status")
		if degraded.Running || degraded.State != cluster.Degraded {
			t.Errorf("without %s: state = %s", test.victim, degraded.State)
		}
		if problem := problemOf(degraded, test.blamed); !strings.Contains(problem, "has ended") {
			t.Errorf("without %s: problem of %s = %q", test.victim, test.blamed, problem)
		}
		after := d.report(t, exitDone, "up")
		if pids(after)[test.victim] == pids(before)[test.victim] {
			t.Errorf("%s has the pid of the one that was killed", test.victim)
		}
		if after.Server != first.Server || *after.Registry != *first.Registry {
			t.Errorf("addresses changed: %s and %v", after.Server, after.Registry)
		}
		if _, err := connect(t, after).StorageV1().StorageClasses().Get(t.Context(), "encrypted-ssd", metav1.GetOptions{}); err != nil {
			t.Errorf("after the repair of %s: %v", test.victim, err)
		}
	}
}

func kill(t *testing.T, report cluster.Report, name string) {
	t.Helper()
	pid := pids(report)[name]
	id, err := process.Identify(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	cookie := recorded(t, report.Dir).Cookie
	eventually(t, name+" is dead", func() bool { return !id.Alive(cookie) })
}

func problemOf(report cluster.Report, name string) string {
	for i := range report.Components {
		if report.Components[i].Name == name {
			return report.Components[i].Problem
		}
	}
	return ""
}

func recorded(t *testing.T, dir string) *state.State {
	t.Helper()
	s, err := state.Load(state.Layout{Dir: dir}.State())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func testDown(t *testing.T, d devcluster, first cluster.Report) {
	if stdout, code := d.run(t, "down"); code != exitDone || stdout != "stopped\n" {
		t.Errorf("down: exit code %d, %q", code, stdout)
	}
	checkNothingLeft(t, d.dir)
	server, err := url.Parse(first.Server)
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{server.Host, first.Registry.Address} {
		_, text, err := net.SplitHostPort(address)
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		if !port.Free(t.Context(), number) {
			t.Errorf("somebody still listens on %s", address)
		}
	}
	if stdout, code := d.run(t, "status"); code != exitStopped || stdout != "not running\n" {
		t.Errorf("status: exit code %d, %q", code, stdout)
	}
	if stdout, code := d.run(t, "down"); code != exitDone || stdout != "not running\n" {
		t.Errorf("second down: exit code %d, %q", code, stdout)
	}
}

func checkNothingLeft(t *testing.T, dir string) {
	t.Helper()
	left, err := process.Find(recorded(t, dir).Cookie)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) > 0 {
		t.Errorf("processes left behind: %v", left)
	}
	lock, err := state.Acquire(t.Context(), state.Layout{Dir: dir}.Lock(), func() { t.Error("the lock is still held") })
	if err != nil {
		t.Fatal(err)
	}
	if err := lock.Release(); err != nil {
		t.Error(err)
	}
}

// Ctrl-C in the middle of up must leave nothing running.
func TestUpInterrupted(t *testing.T) {
	d := newDevcluster(t)
	command := d.command(t.Context(), "up")
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	if !lines.Scan() { // the first part is ready, others are under way
		t.Fatal("up says nothing")
	}
	if err := command.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	for lines.Scan() {
		t.Log(lines.Text())
	}
	_ = command.Wait() // its exit code is what counts
	if code := command.ProcessState.ExitCode(); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	checkNothingLeft(t, d.dir)
	if _, code := d.run(t, "status"); code != exitStopped {
		t.Errorf("status: exit code %d, want %d", code, exitStopped)
	}
}

// A cluster that cannot be ready in time names what it waited for.
func TestUpOutOfTime(t *testing.T) {
	d := newDevcluster(t)
	if _, code := d.run(t, "up", "--timeout", "1s"); code != exitInternal {
		t.Errorf("exit code %d, want %d", code, exitInternal)
	}
	checkNothingLeft(t, d.dir)
}
