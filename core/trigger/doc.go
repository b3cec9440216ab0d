// Package trigger turns what happens in a git repository into runs: it puts
// hooks into repositories, reads what git tells them, and lays out the tree of
// a commit. Whatever a push carries (ref names, paths, contents) is hostile:
// it is checked, passed as arguments, and never meets a shell.
package trigger
