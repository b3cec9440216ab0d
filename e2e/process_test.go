package e2e_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// nobody waits until no process of the script is left: neither the runner nor
// a plugin nor what one of them has started.
func cmdNobody(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 0 {
		ts.Fatalf("usage: nobody")
	}
	home := ts.Getenv("HOME")
	if !eventually(func() bool { return len(inHome(home)) == 0 }) {
		ts.Fatalf("processes are left: %v", inHome(home))
	}
}

// nothingLeft fails a script whose processes outlive it, and ends them.
func nothingLeft(e *testscript.Env, home string) {
	if eventually(func() bool { return len(inHome(home)) == 0 }) {
		return
	}
	for pid, command := range inHome(home) {
		_ = syscall.Kill(pid, syscall.SIGKILL) // found a moment ago by its environment
		e.T().Log(fmt.Sprintf("process %d was left behind: %s", pid, command))
	}
	e.T().FailNow()
}

// inHome lists the processes that were started with a home.
func inHome(home string) map[int]string {
	mark := []byte("\x00HOME=" + home + "\x00")
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
		if err != nil || !bytes.Contains(append([]byte{0}, environ...), mark) || !alive(pid) {
			continue
		}
		command, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cmdline")) // it may end at any time
		found[pid] = string(bytes.ReplaceAll(command, []byte{0}, []byte{' '}))
	}
	return found
}

// alive reports whether there is a process that has not ended.
func alive(pid int) bool {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}
