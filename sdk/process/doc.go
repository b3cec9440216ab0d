// Package process runs a stage's command so that nothing of it outlives the
// stage: in a process group of its own, with a signal at the parent's death, a
// scrubbed environment, and a cookie by which every descendant can be found
// even when it has left the group.
package process
