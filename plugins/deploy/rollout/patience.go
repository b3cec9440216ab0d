package rollout

import "time"

// Limits are how long a rollout may be held up.
type Limits struct {
	Schedule time.Duration // until every pod has a node
	Ready    time.Duration // from then on, until every pod is ready
}

// The graces of what waiting may heal. A pod that no node fits may become
// fitting while a node starts; a registry may come back; a server may find the
// database on the second start.
const (
	placingGrace = 15 * time.Second
	imageGrace   = 30 * time.Second
	configGrace  = 15 * time.Second
	crashGrace   = 20 * time.Second
	deviceGrace  = 15 * time.Second
	// lastCrash is the restart at which a crash is not an accident.
	lastCrash = 2
)

// Patience keeps one clock for each class of problem. A clock starts when the
// class first appears and is reset when it is gone.
type Patience struct {
	limits Limits
	start  time.Time
	since  map[Class]time.Time
}

// NewPatience starts at a moment.
func NewPatience(limits Limits, start time.Time) *Patience {
	return &Patience{limits: limits, start: start, since: make(map[Class]time.Time)}
}

// Verdict is what patience says.
type Verdict struct {
	// Failed is the problem that ends the wait, nil while there is none.
	Failed *Problem
	// Waited is how long it was there.
	Waited time.Duration
	// Again is when to look again even if nothing happens.
	Again time.Duration
}

// Look takes note of the problems and says whether one of them has lasted too
// long.
func (p *Patience) Look(status Status, now time.Time) Verdict {
	present := make(map[Class]bool)
	verdict := Verdict{Again: p.limits.total() - now.Sub(p.start)}
	for i := range status.Problems {
		problem := &status.Problems[i]
		present[problem.Class] = true
		if _, ok := p.since[problem.Class]; !ok {
			p.since[problem.Class] = now
		}
		waited := now.Sub(p.since[problem.Class])
		left := p.grace(*problem) - waited
		if left <= 0 && verdict.Failed == nil {
			verdict.Failed, verdict.Waited = problem, waited
		}
		verdict.Again = min(verdict.Again, left)
	}
	for class := range p.since {
		if !present[class] {
			delete(p.since, class)
		}
	}
	if verdict.Failed == nil && now.Sub(p.start) >= p.limits.total() {
		verdict.Failed = p.outOfTime(status)
		verdict.Waited = now.Sub(p.start)
	}
	return verdict
}

// grace is how long a problem may last.
func (p *Patience) grace(problem Problem) time.Duration {
	if problem.Hopeless {
		return 0
	}
	switch problem.Class {
	case Capacity, Queued:
		return p.limits.Schedule
	case Placing:
		return min(placingGrace, p.limits.Schedule)
	case Image:
		return min(imageGrace, p.limits.Ready)
	case Config:
		return min(configGrace, p.limits.Ready)
	case Crash:
		if problem.Restarts >= lastCrash {
			return 0
		}
		return min(crashGrace, p.limits.Ready)
	case Device:
		return min(deviceGrace, p.limits.Ready)
	case Loading, Stuck, Admission:
		return p.limits.Ready
	}
	return p.limits.Ready
}

// outOfTime is the problem of a rollout that has used up all its time without
// one clock having run out.
func (p *Patience) outOfTime(status Status) *Problem {
	if len(status.Problems) > 0 {
		return &status.Problems[0]
	}
	return &Problem{Class: Stuck, Reason: "Timeout", Message: status.Waiting}
}

func (l Limits) total() time.Duration { return l.Schedule + l.Ready }
