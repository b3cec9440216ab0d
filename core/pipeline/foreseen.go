package pipeline

import "github.com/zclconf/go-cty/cty"

// Foreseen is what the expressions of a stage come to before its turn. Its
// values are marked with the Origin of whatever is not known yet.
type Foreseen struct {
	// When is the value of `when`, or cty.NilVal where there is none; WhenText
	// is its source.
	When     cty.Value
	WhenText string
	// Environment is the value of `environment`, or cty.NilVal.
	Environment cty.Value
	// With is the `with` block. Secrets in it are unknown and sensitive.
	With cty.Value
}

// Origin marks a value that is not known yet with the name of the stage that
// makes it. An unknown value without one depends on the run itself (run.id) or,
// where it is sensitive, on a secret.
type Origin string
