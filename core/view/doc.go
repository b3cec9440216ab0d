// Package view shows a run to people and machines: live lines on a terminal,
// plain lines in a pipe, JSON events, and the summary at the end. It only
// reads events; nothing depends on what it prints.
package view
