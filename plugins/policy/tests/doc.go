// Package tests is the component policy.tests: it runs the tests that are written
// beside the rules of a bundle, and says which lines of the rules they reach. The
// rules are read and compiled as policy.opa does it, with the same built-ins:
// what passes here is what judges later. It judges no release itself.
package tests
