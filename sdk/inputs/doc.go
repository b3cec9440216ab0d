// Package inputs finds the files that the argument inputs of a stage means: names,
// folders, patterns, and what begins with "!" and takes away. The runner hashes
// them for its cache, and a component that passes them on takes the very same.
package inputs
