// Package stats holds the statistics by which an evaluation is judged: paired
// comparisons of a candidate with a baseline on the same items, correction for
// many of them, how much data a verdict needs, and a line through the releases
// so far. It works on numbers alone and does no I/O. The same numbers give the
// same answer: what is random has a fixed seed.
//
// A difference is candidate minus baseline throughout, signed so that more is
// better. Significance levels are one-sided, because a gate asks one-sided
// questions: is it at least nearly as good, is it worse than that? An interval
// at alpha leaves out alpha on each side, so that at 0.05 it covers 90 %.
package stats
