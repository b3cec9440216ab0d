// Package engine runs a pipeline: it walks the graph of stages, starts
// attempts, retries, times out, cancels and resumes, and says everything it
// does as events. It knows plugins, state and policy only by the interfaces in
// ports.go.
package engine
