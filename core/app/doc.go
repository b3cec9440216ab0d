// Package app is the runner's command line: one file for each command, and
// wire.go, which builds everything and passes it on. Nothing below it knows
// flags, exit codes or the terminal.
package app

//go:generate go run ./internal/clidoc ../../docs/cli.md ../../docs/json.md
