// Package statement keeps what the runner states about an artifact where the
// artifact is. It signs nothing, and judges nothing.
package statement
