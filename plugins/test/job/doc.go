// Package job is a Kubernetes Job that runs a test: what is applied, and what the
// cluster shows of it means. It is pure: it reads snapshots and a clock that it
// is given, and calls nobody.
package job
