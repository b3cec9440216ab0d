// Package manifest renders a release into the Kubernetes objects that serve
// it. It is pure: the same release gives the same bytes, on every machine and
// against every cluster, so that a digest over them can be decided on. It
// imports nothing of Kubernetes.
package manifest
