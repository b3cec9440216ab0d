// Package cluster talks to one Kubernetes API server. It is the only package
// that imports client-go, and of that the dynamic client alone: the typed one
// doubles the time that a plugin takes to start.
//
// It knows objects and answers, and nothing of releases: what to apply is
// decided elsewhere. Every call is bounded in time and in what it reads, and
// every error is an *Error.
package cluster
