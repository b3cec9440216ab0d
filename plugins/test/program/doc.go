// Package program holds the arguments that every test with a command of its
// own has (command, env, dir): what they mean, what is wrong with them, and
// how the command is run.
package program
