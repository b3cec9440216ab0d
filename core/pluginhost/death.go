package pluginhost

import (
	"strconv"
	"syscall"
)

// death says how the process ended, once it has.
func (c *child) death() (string, bool) {
	select {
	case <-c.exited:
	default:
		return "", false
	}
	state := c.cmd.ProcessState
	if state == nil {
		return "its process is gone", true
	}
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return "its process was killed by the signal " + signalName(ws.Signal()), true
	}
	return "its process exited with status " + strconv.Itoa(state.ExitCode()), true
}

// diedAlone is death, unless we killed it.
func (c *child) diedAlone() (string, bool) {
	how, dead := c.death()
	c.mu.Lock()
	defer c.mu.Unlock()
	return how, dead && c.alone
}

// orderly reports whether the process has ended as it was asked to.
func (c *child) orderly() bool {
	state := c.cmd.ProcessState
	return state != nil && state.Success()
}

// running reports whether the process was ever started.
func (c *child) running() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.started
}

func signalName(s syscall.Signal) string {
	names := map[syscall.Signal]string{
		syscall.SIGKILL: "SIGKILL", syscall.SIGSEGV: "SIGSEGV", syscall.SIGABRT: "SIGABRT",
		syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT", syscall.SIGBUS: "SIGBUS", syscall.SIGPIPE: "SIGPIPE",
	}
	if name, ok := names[s]; ok {
		return name
	}
	return s.String()
}

// handshakeError is why there was no handshake.
func (c *child) handshakeError() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.handshake
}
