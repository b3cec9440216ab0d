// Package junit reads test reports in the XML form that JUnit began and every
// test framework writes in a dialect of its own: nested suites, missing
// attributes and several files are normal. Reports are written by the command
// under test and not trusted: size, depth and count are bounded.
package junit
