// Package workspace opens the files that a configuration names, and nothing
// outside of the work folder: neither by "..", nor by an absolute name, nor by
// a symbolic link that a stage has put there, not even when it is swapped while
// it is read.
package workspace
