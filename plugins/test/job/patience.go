package job

import "time"

// Limits are how long a Job may take.
type Limits struct {
	Queue    time.Duration // until it has quota
	Schedule time.Duration // from then on, until its pod has a node
	Start    time.Duration // from then on, until its container runs
	Run      time.Duration // from then on, until that ends
}

// The graces of what waiting may heal: a node that is starting may fit, a registry
// may come back, the Secret that a pod refers to may be on its way.
const (
	placementGrace = 15 * time.Second
	imageGrace     = 30 * time.Second
	configGrace    = 15 * time.Second
)

// Patience keeps a clock for the phase that a Job is in, and one for what holds
// it up.
type Patience struct {
	limits Limits
	phase  Phase
	entry  time.Time
	class  Class
	since  time.Time
}

// NewPatience starts at a moment.
func NewPatience(limits Limits, start time.Time) *Patience {
	return &Patience{limits: limits, phase: Making, entry: start, since: start}
}

// Verdict is what patience says.
type Verdict struct {
	// Failed is what ends the wait, nil while there is nothing.
	Failed *Hold
	Waited time.Duration
	// Again is when to look again even if nothing happens.
	Again time.Duration
}

// Look takes note of a state that is not the last one, and says whether it has
// lasted too long.
func (p *Patience) Look(state State, now time.Time) Verdict {
	if state.Phase != p.phase {
		p.phase, p.entry = state.Phase, now
	}
	hold := Hold{Class: Slow, Reason: "Timeout", Message: p.phase.what()}
	if state.Hold != nil {
		hold = *state.Hold
	}
	if hold.Class != p.class {
		p.class, p.since = hold.Class, now
	}
	if hold.Hopeless {
		return Verdict{Failed: &hold, Waited: now.Sub(p.since)}
	}
	left := p.limit() - now.Sub(p.entry)
	if grace, ok := graceOf(hold.Class); ok {
		left = min(left, grace-now.Sub(p.since))
	}
	if left > 0 {
		return Verdict{Again: left}
	}
	if state.Phase == Running {
		hold = Hold{Class: Deadline, Reason: "DeadlineExceeded", Message: "it has run for " + p.limits.Run.String()}
	}
	return Verdict{Failed: &hold, Waited: now.Sub(p.entry)}
}

func (p *Patience) limit() time.Duration {
	switch p.phase {
	case Queued:
		return p.limits.Queue
	case Making, Placing:
		return p.limits.Schedule
	case Starting:
		return p.limits.Start
	case Running, Ended, Lost:
	}
	return p.limits.Run
}

func graceOf(class Class) (time.Duration, bool) {
	switch class {
	case Placement:
		return placementGrace, true
	case Image:
		return imageGrace, true
	case Config:
		return configGrace, true
	default:
		return 0, false
	}
}

// what says what is waited for.
func (p Phase) what() string {
	switch p {
	case Queued:
		return "it waits for quota"
	case Making:
		return "no pod has been made"
	case Placing:
		return "the scheduler has not looked at the pod"
	case Starting:
		return "the node prepares the pod"
	case Running, Ended, Lost:
	}
	return "it runs"
}
