package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stagegate/stagegate/devcluster/internal/cluster"
)

func TestUsageErrors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"up", "--nodes", "0"}, "--nodes must be from 1 to 250"},
		{[]string{"up", "--nodes", "many"}, "invalid argument"},
		{[]string{"up", "--gpus-per-node", "-1"}, "--gpus-per-node must be"},
		{[]string{"up", "--cpu-nodes", "251"}, "--cpu-nodes must be from 0 to 250"},
		{[]string{"status", "--format", "xml"}, `unknown format "xml"`},
		{[]string{"down", "now"}, `unexpected argument "now"`},
		{[]string{"up", "--colour"}, "unknown flag: --colour"},
		{[]string{"sideways"}, `unknown command "sideways"`},
		{[]string{"dwon"}, `did you mean "down"?`},
	} {
		t.Run(strings.Join(test.args, " "), func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := execute(t.Context(), append(test.args, "--dir", t.TempDir()), &stdout, &stderr)
			if code != exitUsage || !strings.Contains(stderr.String(), test.says) {
				t.Errorf("exit code %d, %q; want %d and %q", code, stderr.String(), exitUsage, test.says)
			}
		})
	}
}

func TestPrintDegraded(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	err := (&options{format: "text"}).print(&out, cluster.Report{
		State:      cluster.Degraded,
		Kubeconfig: "/c/kubeconfig",
		Registry:   &cluster.RegistryReport{Address: "127.0.0.1:5000", CA: "/c/registry/ca.crt"},
		Components: []cluster.ComponentReport{
			{Name: "registry", PID: 1, Healthy: true},
			{Name: "etcd", PID: 2, Problem: "process 2 has ended", LogFile: "/c/logs/etcd.log", Log: []string{"no space left"}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := `state        degraded
server       -
nodes        -
registry     127.0.0.1:5000
registry CA  /c/registry/ca.crt
kubeconfig   /c/kubeconfig

etcd: process 2 has ended, see /c/logs/etcd.log
  | no space left
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
}

func TestDescribeNodes(t *testing.T) {
	t.Parallel()
	got := describeNodes([]cluster.NodeReport{
		{Name: "gpu-node-1", GPUs: 8, Ready: true}, {Name: "gpu-node-2", GPUs: 8}, {Name: "cpu-node-1", Ready: true},
	})
	if want := "gpu-node-1 (8 GPUs), gpu-node-2 (8 GPUs) not ready, cpu-node-1 (no GPU)"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
