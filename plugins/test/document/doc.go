// Package document reads JSON as evaluation tools write it. Python writes NaN
// and Infinity, which JSON does not have: they are let pass where nobody asks
// for the number, and refused with their place where somebody does. Names that
// appear twice in an object are refused everywhere, since two readers could
// understand them differently; so are text that is not UTF-8, and nesting
// without end. A document is scanned once and not copied: values are windows on
// its text.
package document
