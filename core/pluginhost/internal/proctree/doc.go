// Package proctree finds and kills processes by identity: by a mark in the
// environment they were started with, and by descent from such a process. A
// pid alone never selects anything, because the kernel hands it out again.
package proctree

import "context"

// Mark is a variable in the environment of the processes to find.
type Mark struct {
	Key, Value string
	// Prefix accepts values that only begin with Value.
	Prefix bool
}

// Kill sends SIGKILL to every process that carries the mark and to all their
// descendants, and looks again until there are none, so that a process that
// forks while it is being killed does not get away. It returns the pids that
// are left when ctx ends, and never touches the calling process.
func Kill(ctx context.Context, mark Mark) (left []int) {
	if mark.Key == "" || mark.Value == "" {
		return nil
	}
	return kill(ctx, mark)
}

// Find returns the pids of the processes that carry the mark and of their
// descendants.
func Find(mark Mark) []int {
	if mark.Key == "" || mark.Value == "" {
		return nil
	}
	return find(mark)
}
