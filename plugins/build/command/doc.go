// Package command is the component build.command: a command whose declared
// output files become artifacts, so that training or conversion is a stage.
package command
