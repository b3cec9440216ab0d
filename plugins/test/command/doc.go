// Package command is the component test.command: it runs a command, whose exit
// code decides, and reads the JUnit reports that it writes. Both must say that
// the tests passed.
package command
