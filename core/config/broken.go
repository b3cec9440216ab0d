package config

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
)

// broken are the places of references that are reported as wrong.
type broken map[hcl.Range]struct{}

// at records one.
func (b broken) at(r hcl.Range) { b[r] = struct{}{} }

// anyOf reports whether one of the references is among them.
func (b broken) anyOf(r *references) bool {
	if len(b) == 0 {
		return false
	}
	has := func(r hcl.Range) bool {
		_, ok := b[r]
		return ok
	}
	if slices.ContainsFunc(r.names, func(ref reference) bool { return has(ref.rng) }) {
		return true
	}
	for _, call := range r.calls {
		if has(call.NameRange) {
			return true
		}
	}
	return false
}
