// Package eval is the component test.eval: it runs an evaluation, compares
// what it measured with thresholds, and states the result about the artifact
// that was evaluated.
package eval
