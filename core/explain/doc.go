// Package explain says why a decision came out as it did: which rule found what,
// on which facts, as they were known and from where, what of the pipeline made
// them so, and what to do. It reads what a run has kept and judges nothing
// itself; it opens no file and asks no plugin.
package explain
