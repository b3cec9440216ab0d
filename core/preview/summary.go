package preview

// Summary counts.
type Summary struct {
	Run     int `json:"run"`
	Cached  int `json:"cached"`
	Skip    int `json:"skip"`
	Unknown int `json:"unknown"`
	// Failing counts the stages that are known to fail.
	Failing int `json:"failing"`
	// Changes counts what deployers would do to objects, by action.
	Changes map[string]int `json:"changes,omitempty"`
	// Planned counts deployments whose changes are known, Unplanned the others.
	Planned   int `json:"planned"`
	Unplanned int `json:"unplanned"`
	// Decisions counts what policy would say.
	Decisions map[Verdict]int `json:"decisions,omitempty"`
	// Violations hold whatever the run makes; Open ones cannot be said yet.
	Violations int `json:"violations"`
	Open       int `json:"open"`
}

// Summarize counts the stages.
func (p *Preview) Summarize() {
	s := Summary{Changes: make(map[string]int), Decisions: make(map[Verdict]int)}
	for _, stage := range p.Stages {
		switch stage.Action {
		case Run:
			s.Run++
		case Cached:
			s.Cached++
		case Skip:
			s.Skip++
		case Undecided:
			s.Unknown++
		}
		if stage.Failing() {
			s.Failing++
		}
		s.addDeployment(stage.Deployment)
		s.addDecision(stage.Decision)
	}
	p.Summary = s
}

func (s *Summary) addDeployment(d *Deployment) {
	switch {
	case d == nil:
	case d.Plan == nil:
		s.Unplanned++
	default:
		s.Planned++
		for _, c := range d.Plan.Changes {
			s.Changes[c.Action]++
		}
	}
}

func (s *Summary) addDecision(d *Decision) {
	if d != nil {
		s.Decisions[d.Verdict]++
		s.Violations += len(d.Violations)
		s.Open += len(d.Open)
	}
}
