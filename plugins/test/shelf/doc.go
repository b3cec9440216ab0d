// Package shelf keeps the reports of tests: with the runner, and in a folder of
// the tree where a stage names one. What is there is there as a whole.
package shelf
