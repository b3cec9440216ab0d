package fake

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/hashicorp/go-plugin"
)

// The plugins here fail before the first call.

func dead() {
	fmt.Fprintln(os.Stderr, "cannot go on: the fake was told to")
	os.Exit(7)
}

func garbage() {
	fmt.Fprintln(os.Stdout, "Hello! \x1b[31mI am no plugin.")
	block()
}

func flood() {
	chunk := bytes.Repeat([]byte("x"), 64<<10)
	for {
		if _, err := os.Stdout.Write(chunk); err != nil {
			os.Exit(0)
		}
	}
}

func silent() { block() }

// holder leaves a child behind that inherits everything it has.
func holder() {
	if len(os.Args) == 2 && os.Args[1] == escapeArgument {
		block()
	}
	cmd := &exec.Cmd{
		Path: "/proc/self/exe", Args: []string{os.Args[0], escapeArgument}, Env: os.Environ(),
		Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
	if err := cmd.Start(); err != nil {
		os.Exit(1)
	}
	os.Exit(9)
}

// listen opens the socket of a plugin in dir and prints its handshake.
func listen(dir string, version int) {
	path := filepath.Join(dir, "plugin0")
	if _, err := new(net.ListenConfig).Listen(context.Background(), "unix", path); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Fprintf(os.Stdout, "%d|%d|unix|%s|grpc|\n", plugin.CoreProtocolVersion, version, path)
}

func frozen() {
	listen(os.Getenv(plugin.EnvUnixSocketDir), 1)
	_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
	block()
}

func astray() {
	listen(filepath.Dir(os.Getenv(plugin.EnvUnixSocketDir)), 1)
	block()
}

func old() {
	listen(os.Getenv(plugin.EnvUnixSocketDir), 99)
	block()
}
