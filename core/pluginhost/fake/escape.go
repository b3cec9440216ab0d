package fake

import (
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"github.com/stagegate/stagegate/sdk/process"
)

// escapeArgument makes the binary a process that runs away.
const escapeArgument = "escape"

// startEscape starts a process that leaves the group, the session and, by a
// second fork, its parent.
func startEscape(path, attempt string) error {
	cmd := again(path)
	cmd.Env = append(os.Environ(), process.AttemptVariable+"="+attempt)
	return cmd.Run()
}

func again(path string) *exec.Cmd {
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{os.Args[0], escapeArgument, path},
		Stdout: os.NewFile(1, "stdout"), Stderr: os.NewFile(2, "stderr"),
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	return cmd
}

// escape forks once more and then holds on, deaf, until it is killed.
func escape(path string) {
	signal.Ignore(syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT)
	if os.Getenv("FAKE_ESCAPED") == "" {
		cmd := again(path)
		cmd.Env = append(os.Environ(), "FAKE_ESCAPED=1")
		if cmd.Start() != nil {
			os.Exit(1)
		}
		// At once: under the race detector os.Exit takes a second.
		syscall.Exit(0)
	}
	if announce(path, os.Getpid()) != nil {
		os.Exit(1)
	}
	block()
}

// block never returns. Nobody else knows the pipe that it reads.
func block() {
	r, w, err := os.Pipe()
	if err == nil {
		_, _ = r.Read(make([]byte, 1))
		_ = w.Close()
	}
	os.Exit(1)
}
