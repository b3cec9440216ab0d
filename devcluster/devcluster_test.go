package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stagegate/stagegate/devcluster/internal/cluster"
	"github.com/stagegate/stagegate/devcluster/internal/kubeconfig"
	"k8s.io/client-go/kubernetes"
)

// TestMain lets the test binary be the program: linked once, it plays the
// commands and all components.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && !strings.HasPrefix(os.Args[1], "-test.") {
		os.Exit(run(os.Args[1:]))
	}
	os.Exit(m.Run())
}

// devcluster is the program, always on the same directory.
type devcluster struct {
	dir string
}

func newDevcluster(t *testing.T) devcluster {
	t.Helper()
	d := devcluster{dir: t.TempDir()}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		command := d.command(context.WithoutCancel(t.Context()), "down")
		if output, err := command.CombinedOutput(); err != nil {
			t.Errorf("clean up: %v\n%s", err, output)
		}
	})
	return d
}

func (d devcluster) command(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], append(args, "--dir", d.dir)...)
	command.Env = []string{"PATH=/usr/bin:/bin"}
	return command
}

// run runs a command and returns what it says.
func (d devcluster) run(t *testing.T, args ...string) (stdout string, code int) {
	t.Helper()
	var out, progress bytes.Buffer
	command := d.command(t.Context(), args...)
	command.Stdout, command.Stderr = &out, &progress
	began := time.Now()
	err := command.Run()
	t.Logf("devcluster %s: %.1fs\n%s", strings.Join(args, " "), time.Since(began).Seconds(), progress.String())
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out.String(), command.ProcessState.ExitCode()
}

// report runs a command that must end with the code and decodes its report.
func (d devcluster) report(t *testing.T, wantCode int, args ...string) cluster.Report {
	t.Helper()
	stdout, code := d.run(t, append(args, "--format", "json")...)
	if code != wantCode {
		t.Fatalf("%v: exit code %d, want %d\n%s", args, code, wantCode, stdout)
	}
	var report cluster.Report
	if err := json.Unmarshal([]byte(stdout), &report); err != nil {
		t.Fatalf("%v: %v\n%s", args, err, stdout)
	}
	return report
}

func pids(report cluster.Report) map[string]int {
	pids := make(map[string]int)
	for i := range report.Components {
		pids[report.Components[i].Name] = report.Components[i].PID
	}
	return pids
}

func connect(t *testing.T, report cluster.Report) *kubernetes.Clientset {
	t.Helper()
	client, _, err := kubeconfig.Open(report.Kubeconfig, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// eventually waits for a condition that some other process brings about.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.NewTimer(60 * time.Second)
	defer deadline.Stop()
	for !condition() {
		select {
		case <-ticker.C:
		case <-deadline.C:
			t.Fatalf("not in time: %s", what)
		}
	}
}
