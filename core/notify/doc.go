// Package notify decides who is told what about a run: which conditions hold at
// its end, which rules they meet, and what a message says. It sends nothing and
// reads no clock: package delivery carries the letters that this one writes.
//
// Whatever a message says of a run comes from its journal, so that it is
// redacted; whatever a pipeline has written in it is hostile, and is made
// harmless for the place where it is shown.
package notify
