// Package judge says what an evaluation proves: against fixed bounds, against
// the model that is released now, slice by slice, and against the releases
// before it. It does no I/O. Four verdicts are possible, and the fourth matters
// most: data that are too few to tell say INCONCLUSIVE, and how many would do.
package judge
