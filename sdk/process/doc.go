// Package process runs a stage's command so that nothing of it outlives the
// stage: in a process group of its own, with a signal at the parent's death, a
// scrubbed environment, and a cookie by which every descendant can be found
// even when it has left the group.
//
// It needs Linux, and so do the SDK and the runner: no other system has a
// signal at the parent's death, adopts orphans, and shows the environment that
// a process was started with. Elsewhere it does not compile, since a promise
// that is kept on some systems only is none.
package process
