// Package examples runs every example as a test: each folder below pipelines
// and plugins has a script.txtar that says what a user would type and see.
package examples
