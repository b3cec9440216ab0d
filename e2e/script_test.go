package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script against one cluster, which ends with it.
func TestScripts(t *testing.T) {
	t.Parallel()
	bin := binaries(t)
	cluster := startCluster(t, filepath.Join(bin, "devcluster"))
	signers := startSigners(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(e *testscript.Env) error { return cluster.setup(e, bin) },
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"cluster":  cmdCluster,
			"decision": cmdDecision,
			"exited":   cmdExited,
			"exits":    cmdExits,
			"keyless":  signers.cmdKeyless,
			"newkey":   cmdNewKey,
			"nobody":   cmdNobody,
			"signal":   cmdSignal,
			"until":    cmdUntil,
		},
	})
}

// setup gives a script its place on this machine and in the cluster.
func (c *devcluster) setup(e *testscript.Env, bin string) error {
	namespace := "e2e-" + strings.ReplaceAll(filepath.Base(e.WorkDir), "_", "-")
	home := filepath.Join(e.WorkDir, "home")
	for name, value := range map[string]string{
		"HOME":                   home,
		"XDG_CONFIG_HOME":        filepath.Join(home, "config"),
		"RUNNER_HOME":            filepath.Join(home, "runner"),
		"PATH":                   bin + string(filepath.ListSeparator) + os.Getenv("PATH"),
		"NO_COLOR":               "1",
		"NS":                     namespace,
		"RUNNER_VAR_namespace":   namespace,
		"RUNNER_VAR_registry":    c.Registry.Address,
		"RUNNER_VAR_registry_ca": c.Registry.CA,
		"RUNNER_VAR_kubeconfig":  c.Kubeconfig,
	} {
		e.Setenv(name, value)
	}
	e.Values[stateKey{}] = &state{api: c.api, namespace: namespace}
	e.Defer(func() { nothingLeft(e, home) })
	if err := os.CopyFS(e.WorkDir, os.DirFS("testdata/common")); err != nil {
		return fmt.Errorf("copy what scripts have in common: %w", err)
	}
	if err := os.Mkdir(home, 0o755); err != nil {
		return err
	}
	return c.api.createNamespace(namespace)
}
