package provenance

import (
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/zclconf/go-cty/cty"
)

// Names of the formats.
const (
	StatementType = "https://in-toto.io/Statement/v1"
	PredicateType = "https://slsa.dev/provenance/v1"
	// BuildType says what the parameters mean; docs/signing.md describes them.
	BuildType = "https://github.com/stagegate/stagegate/build/v1"
	// builderPrefix begins the identity of a builder. What follows is how the run
	// was started, since that decides whom to trust: by hand the runner belongs to
	// whoever made the artifact, after a push to the owner of the repository.
	builderPrefix = "https://github.com/stagegate/stagegate/builder/"
	byHand        = "local"
)

// Build is one attempt at a builder stage that has succeeded.
type Build struct {
	RunID   string
	Run     event.Run
	Stage   string // address
	Info    event.StageInfo
	Attempt int
	// Environment of the stage, or empty.
	Environment string
	// Repository is the address of the source repository, without credentials.
	Repository string
	// Config is the stage's configuration; sensitive places are marked.
	Config cty.Value
	// Artifacts are what was made, Inputs what it may have been made from.
	Artifacts, Inputs []event.Artifact
	Started, Finished time.Time
	// Mask takes secrets out of a text.
	Mask func(string) string
}

// builderID names who has built.
func builderID(trigger string) string {
	if trigger == "" {
		trigger = byHand
	}
	return builderPrefix + trigger
}
