package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScripts runs testdata/script. Each script has a home of its own; no
// process that has it may be left when the script ends.
func TestScripts(t *testing.T) {
	t.Parallel()
	plugins := firstPartyPlugins(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			home := filepath.Join(e.WorkDir, "home")
			e.Setenv("HOME", home)
			e.Setenv("RUNNER_HOME", filepath.Join(home, "runner"))
			e.Setenv("RUNNER_PLUGIN_PATH", plugins)
			e.Setenv("XDG_CONFIG_HOME", filepath.Join(home, "config"))
			e.Setenv("GIT_CONFIG_NOSYSTEM", "1")
			e.Setenv("GORACE", "atexit_sleep_ms=0") // the race detector would add a second to every command
			e.Values[endedKey{}] = new(ended)
			e.Defer(func() { nothingLeft(e) })
			return os.MkdirAll(home, 0o755)
		},
		Condition: condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":     cmdExits,
			"listen":    cmdListen,
			"mailbox":   cmdMailbox,
			"sshkey":    cmdSSHKey,
			"allow":     cmdAllow,
			"sshagent":  cmdSSHAgent,
			"inturn":    cmdInTurn,
			"signalto":  cmdSignalTo,
			"exited":    cmdExited,
			"signal":    cmdSignal,
			"waitfile":  cmdWaitFile,
			"waitproc":  cmdWaitProcess,
			"waitgone":  cmdWaitGone,
			"until":     cmdUntil,
			"jsonlines": cmdJSONLines,
			"nowhere":   cmdNowhere,
			"payload":   cmdPayload,
			"smalldisk": cmdSmallDisk,
			"terminal":  cmdTerminal,
			"registry":  cmdRegistry,
			"replace":   cmdReplace,
		},
	})
}

// firstPartyPlugins is the folder with the real plugins that scripts need:
// what make has built, or a build of this test's own. Core never imports them.
func firstPartyPlugins(t *testing.T) string {
	t.Helper()
	if given := os.Getenv("STAGEGATE_BIN"); given != "" {
		dir, err := filepath.Abs(given)
		if err != nil {
			t.Fatal(err)
		}
		return dir
	}
	dir := t.TempDir()
	for _, name := range []string{"build", "test", "policy"} {
		cmd := exec.CommandContext(t.Context(), "go", "build", "-buildvcs=false",
			"-o", filepath.Join(dir, "runner-plugin-"+name), "./plugins/"+name)
		cmd.Dir = "../.."
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("build plugin %s: %v\n%s", name, err, out)
		}
	}
	return dir
}

func condition(name string) (bool, error) {
	switch name {
	case "root":
		return os.Geteuid() == 0, nil
	default:
		_, err := exec.LookPath(name)
		return err == nil, nil
	}
}
