package preview

import "encoding/json"

// Argument is one value of a stage's configuration. Exactly one of Value,
// Sensitive and KnownAfter says something, except for a sensitive value that is
// not known either.
type Argument struct {
	// Path is where it stands, for example threshold["accuracy"].min.
	Path string `json:"path"`
	// Value is the value when it is known and may be shown.
	Value json.RawMessage `json:"value,omitempty"`
	// Sensitive values are never shown.
	Sensitive bool `json:"sensitive,omitempty"`
	// KnownAfter are the addresses of the stages that make the value; "run" is
	// the start of the run.
	KnownAfter []string `json:"known_after,omitempty"`
}

// AfterRun is what is known when the run starts: its id and its time.
const AfterRun = "run"
