package pluginhost

import (
	"os/exec"
	"runtime"
)

// spawner starts processes from one thread that lives as long as the runner.
// The kernel sends the parent-death signal when the thread that started the
// child ends, and Go ends threads as it likes.
type spawner struct{ orders chan order }

// order is one process to start.
type order struct {
	cmd  *exec.Cmd
	done chan error
}

func newSpawner() *spawner {
	s := &spawner{orders: make(chan order)}
	go s.run()
	return s
}

func (s *spawner) run() {
	// Never unlocked: the thread ends with this goroutine.
	runtime.LockOSThread()
	for o := range s.orders {
		o.done <- o.cmd.Start()
	}
}

// start runs cmd.Start on the thread.
func (s *spawner) start(cmd *exec.Cmd) error {
	o := order{cmd: cmd, done: make(chan error, 1)}
	s.orders <- o
	return <-o.done
}

// close ends the thread. No child may be left, and none may be started.
func (s *spawner) close() { close(s.orders) }
