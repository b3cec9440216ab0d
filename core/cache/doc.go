// Package cache tells whether the result of a builder or tester stage is known
// from an earlier run. A result is found by a key over everything that it
// depends on: the plugin's binary, the configuration, the artifacts and files
// that the component reads, and the variables that commands get. Each of these
// is kept by name, so that a miss says what has changed. It must never take a
// result that could be another's: what cannot be told is executed.
package cache
