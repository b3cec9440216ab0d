// Package capacity proves that a cluster has room for the pods of a release,
// step by step, before any of them is made: by what each node has free, what it
// lets in, and what quotas leave. It is pure: nodes, pods and quotas in, an
// answer with its arithmetic out. It never guesses in favour of a release: what
// it calls possible is so in whatever order Kubernetes goes about it.
package capacity
