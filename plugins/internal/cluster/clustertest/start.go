// Package clustertest gives tests a real Kubernetes: the embedded one, whose nodes
// are simulated.
package clustertest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

// devcluster is the cluster that the tests of a package share.
type devcluster struct {
	dir  string
	ours bool
	err  error
}

// binary is the program that make has built.
func binary() string { return filepath.Join(os.Getenv("STAGEGATE_BIN"), "devcluster") }

// started says that there is a cluster to take down.
var started atomic.Bool //nolint:gochecknoglobals // one cluster serves all tests of a process

// start brings the cluster up once; $DEVCLUSTER_DIR lends one that stays.
var start = sync.OnceValue(func() devcluster { //nolint:gochecknoglobals // the same
	started.Store(true)
	bin, dir := binary(), os.Getenv("DEVCLUSTER_DIR")
	c := devcluster{dir: dir, ours: dir == ""}
	if c.ours {
		if c.dir, c.err = os.MkdirTemp("", "cluster-test"); c.err != nil {
			return c
		}
	}
	out, err := exec.CommandContext(context.Background(), bin, "up", "--dir", c.dir, "--format", "json").CombinedOutput()
	if err != nil {
		c.err = fmt.Errorf("%w: %s", err, out)
	}
	return c
})

// Main runs the tests of a package, and takes the cluster down if it was started.
func Main(m *testing.M) int {
	code := m.Run()
	if started.Load() {
		if c := start(); c.ours {
			out, err := exec.CommandContext(context.Background(), binary(), "down", "--dir", c.dir).CombinedOutput()
			if err != nil {
				fmt.Fprintf(os.Stderr, "devcluster down: %v: %s\n", err, out)
				code = 1
			}
			_ = os.RemoveAll(c.dir)
		}
	}
	return code
}
