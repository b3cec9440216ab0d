// Package module fetches the modules of pipelines out of git repositories,
// keeps them by digest, and pins them in the lock file of the pipeline. What a
// repository holds is not trusted: only regular files of bounded size come out
// of it, taken from git's objects and never from a work tree.
package module
