// Package owner says which process something outside belongs to, and whether that
// process still lives, so that what it has left behind can be removed.
package owner
