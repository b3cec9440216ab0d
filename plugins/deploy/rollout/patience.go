package rollout

import "time"

// Limits are how long a rollout may be held up.
type Limits struct {
	Schedule time.Duration // until every pod has a node
	Ready    time.Duration // from then on, until every pod is ready
	// Waits are how long other things may last, by class; what is not there has
	// the grace of DefaultWait. A queue has the time of Schedule then.
	Waits map[Class]time.Duration
}

// Total is how long a rollout may take, with everything.
func (l Limits) Total() time.Duration { return l.Waits[Queued] + l.Schedule + l.Ready }

// DefaultWait is the grace of what waiting may heal. A pod that no node fits may
// become fitting while a node starts; a registry or a webhook may come back; a
// server may find the database on the second start.
func DefaultWait(class Class) time.Duration {
	switch class {
	case Image, Admission:
		return 30 * time.Second
	case Crash:
		return 20 * time.Second
	case Quota:
		return 2 * time.Minute // for pods that are ending
	default:
		return 15 * time.Second
	}
}

// healing is how long a quota may go on refusing after the last pod that was
// ending is gone: its usage is counted anew, and the controller tries again, some
// time later.
const healing = 30 * time.Second

// lastCrash is the restart at which a crash is not an accident.
const lastCrash = 2

// Patience keeps one clock for each class of problem. A clock starts when the
// class first appears and is reset when it is gone.
type Patience struct {
	limits Limits
	start  time.Time
	since  map[Class]time.Time
	ended  time.Time // when a pod was last seen ending
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
	if status.Ending > 0 {
		p.ended = now
	}
	verdict := Verdict{Again: p.limits.Total() - now.Sub(p.start)}
	for i := range status.Problems {
		problem := &status.Problems[i]
		present[problem.Class] = true
		if _, ok := p.since[problem.Class]; !ok {
			p.since[problem.Class] = now
		}
		waited := now.Sub(p.since[problem.Class])
		left := p.grace(*problem) - waited
		if problem.Class == Quota && !p.ended.IsZero() {
			left = max(left, healing-now.Sub(p.ended))
		}
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
	if verdict.Failed == nil && now.Sub(p.start) >= p.limits.Total() {
		verdict.Failed = p.outOfTime(status)
		verdict.Waited = now.Sub(p.start)
	}
	return verdict
}

// grace is how long a problem may last.
func (p *Patience) grace(problem Problem) time.Duration {
	wait, set := p.limits.Waits[problem.Class]
	switch {
	case problem.Hopeless:
		return 0
	case set:
		return wait
	}
	switch problem.Class {
	case Capacity, Queued:
		return p.limits.Schedule
	case Placing:
		return min(DefaultWait(Placing), p.limits.Schedule)
	case Crash:
		if problem.Restarts >= lastCrash {
			return 0
		}
	case Loading, Stuck:
		return p.limits.Ready
	default:
	}
	return min(DefaultWait(problem.Class), p.limits.Ready)
}

// outOfTime is the problem of a rollout that has used up all its time without
// one clock having run out.
func (p *Patience) outOfTime(status Status) *Problem {
	if len(status.Problems) > 0 {
		return &status.Problems[0]
	}
	return &Problem{Class: Stuck, Reason: "Timeout", Message: status.Waiting}
}
