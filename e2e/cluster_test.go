package e2e_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Bounds of starting and ending the cluster. The start is not the first one to
// wait for on a busy machine.
const (
	upTimeout   = 3 * time.Minute
	downTimeout = time.Minute
)

// binaries is the folder with everything that make builds. Without it nothing
// is tested, which must not pass unseen.
func binaries(t *testing.T) string {
	t.Helper()
	given := os.Getenv("STAGEGATE_BIN")
	missing := "STAGEGATE_BIN does not name the folder that make builds"
	if given != "" {
		dir, err := filepath.Abs(given)
		if err != nil {
			t.Fatal(err)
		}
		missing = ""
		for _, name := range []string{"runner", "runner-plugin-build", "runner-plugin-test", "runner-plugin-policy", "runner-plugin-deploy", "devcluster"} {
			if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
				missing = err.Error()
			}
		}
		given = dir
	}
	switch {
	case missing == "":
	case os.Getenv("STAGEGATE_REQUIRE_CLUSTER") == "1":
		t.Fatalf("the cluster is required by STAGEGATE_REQUIRE_CLUSTER: %s", missing)
	default:
		t.Skipf("SKIPPED, NOT TESTED: %s; run make test", missing)
	}
	return given
}

// devcluster is what `devcluster up --format json` says, and a way in.
type devcluster struct {
	Kubeconfig string `json:"kubeconfig"`
	Registry   struct {
		Address string `json:"address"`
		CA      string `json:"ca"`
	} `json:"registry"`
	api *api
}

// startCluster starts a cluster for the test and ends it with it.
func startCluster(t *testing.T, program string) *devcluster {
	t.Helper()
	dir := t.TempDir()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), downTimeout)
		defer cancel()
		if out, err := exec.CommandContext(ctx, program, "down", "--purge", "--dir", dir).CombinedOutput(); err != nil {
			t.Errorf("end the cluster: %v\n%s", err, out)
		}
	})
	up := exec.CommandContext(t.Context(), program, "up", "--dir", dir, "--format", "json", "--timeout", upTimeout.String())
	var progress bytes.Buffer
	up.Stderr = &progress
	out, err := up.Output()
	if err != nil {
		t.Fatalf("start the cluster: %v\n%s", err, progress.Bytes())
	}
	var c devcluster
	if err := json.Unmarshal(out, &c); err != nil {
		t.Fatal(fmt.Errorf("read what devcluster says: %w", err))
	}
	if c.api, err = openAPI(c.Kubeconfig); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.api.client.CloseIdleConnections)
	return &c
}
