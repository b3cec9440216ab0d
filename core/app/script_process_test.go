package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/creack/pty"
	"github.com/rogpeppe/go-internal/testscript"
)

// alive reports whether there is a process that has not ended.
func alive(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// inHome lists the processes that were started with a home.
func inHome(home string) map[int]string {
	mark := []byte("HOME=" + home + "\x00")
	found := make(map[int]string)
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() {
			continue
		}
		environ, err := os.ReadFile(filepath.Join("/proc", e.Name(), "environ"))
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), append([]byte{0}, mark...)) || !alive(pid) {
			continue
		}
		command, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline")) // it may end at any time
		found[pid] = string(bytes.ReplaceAll(command, []byte{0}, []byte{' '}))
	}
	return found
}

// nothingLeft fails the script when processes outlive it, and ends them.
func nothingLeft(e *testscript.Env) {
	home := filepath.Join(e.WorkDir, "home")
	left := inHome(home)
	deadline := time.After(patience / 4)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for len(left) > 0 {
		select {
		case <-ticker.C:
			left = inHome(home)
			continue
		case <-deadline:
		}
		for pid, command := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL) // found a moment ago by its environment
			e.T().Log(fmt.Sprintf("process %d was left behind: %s", pid, command))
		}
		e.T().FailNow()
	}
}

// waitproc TEXT waits until a process of this script runs whose command holds
// a text.
func cmdWaitProcess(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitproc text")
	}
	eventually(ts, args[0]+" runs", func() bool {
		for _, command := range inHome(ts.Getenv("HOME")) {
			if strings.Contains(command, args[0]) {
				return true
			}
		}
		return false
	})
}

// smalldisk FOLDER BYTES mounts a file system of that size.
func cmdSmallDisk(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: smalldisk folder bytes")
	}
	dir := ts.MkAbs(args[0])
	ts.Check(os.MkdirAll(dir, 0o700))
	ts.Check(syscall.Mount("stagegate-test", dir, "tmpfs", 0, "size="+args[1]))
	ts.Defer(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			ts.Logf("unmount %s: %v", dir, err)
		}
	})
}

// terminal PROGRAM [ARGUMENT...] runs a program on a terminal; what it shows
// there is the script's stdout.
func cmdTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 0 {
		ts.Fatalf("usage: [!] terminal program [argument...]")
	}
	program, err := exec.LookPath(args[0])
	ts.Check(err)
	cmd := exec.Command(program, args[1:]...)
	cmd.Dir = ts.MkAbs(".")
	for _, name := range []string{
		"PATH", "HOME", "TMPDIR", "TERM", "NO_COLOR", "RUNNER_HOME", "RUNNER_PLUGIN_PATH", "XDG_CONFIG_HOME",
	} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	us, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 100})
	ts.Check(err)
	_, _ = io.Copy(ts.Stdout(), us) // Linux says EIO when the program has ended
	err = errors.Join(cmd.Wait(), us.Close())
	if neg == (err == nil) {
		ts.Fatalf("%s: %v", strings.Join(args, " "), err)
	}
}
