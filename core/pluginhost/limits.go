package pluginhost

import (
	"cmp"
	"time"

	"github.com/stagegate/stagegate/sdk"
)

// Limits are the deadlines and counts that keep a plugin from holding the
// runner up.
type Limits struct {
	Start     time.Duration // from the launch to the first answer
	Validate  time.Duration
	Plan      time.Duration
	Evaluate  time.Duration
	Attach    time.Duration
	Heartbeat time.Duration // for attempts that name none
	Grace     time.Duration // from the request to stop to the kill
	Kill      time.Duration // for what was killed to be gone
	Probe     time.Duration // for a plugin to show that it is alive
	Launches  int           // processes per plugin
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Start:     cmp.Or(l.Start, 15*time.Second),
		Validate:  cmp.Or(l.Validate, 30*time.Second),
		Plan:      cmp.Or(l.Plan, 5*time.Minute),
		Evaluate:  cmp.Or(l.Evaluate, time.Minute),
		Attach:    cmp.Or(l.Attach, 5*time.Minute),
		Heartbeat: cmp.Or(l.Heartbeat, 10*time.Second),
		Grace:     cmp.Or(l.Grace, sdk.Grace),
		Kill:      cmp.Or(l.Kill, 2*time.Second),
		Probe:     cmp.Or(l.Probe, 2*time.Second),
		Launches:  cmp.Or(l.Launches, 4),
	}
}

// silences is how many heartbeats may be missed.
const silences = 3

// Bounds of what a plugin may send. They are no options: the protocol names
// them.
const (
	maxMessage     = 4 << 20
	maxChunk       = 32 << 10
	maxHandle      = 64 << 10
	maxOutputs     = 1 << 20
	maxInputs      = 1000    // files and patterns that a result depends on
	maxResultFiles = 10_000  // that an attempt leaves behind
	maxEvents      = 100_000 // of one attempt, logs and heartbeats aside
	maxHandshake   = 4 << 10
	maxLastWords   = 64 << 10
	maxBlobPiece   = 1 << 20
	maxSecret      = 64 << 10
	maxDescription = 1 << 20
	maxComponents  = 256
	maxComplaint   = 512 // of a plugin's words in an error
)

// settle is how long the pipes of a dead plugin are read when a child of it
// still holds them.
const settle = 50 * time.Millisecond

// farewell is how long an idle plugin may take to end when it is asked to.
const farewell = time.Second

// mourning is how long a broken connection waits for the news of a death.
const mourning = 500 * time.Millisecond
