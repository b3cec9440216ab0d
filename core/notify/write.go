package notify

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
)

// Occasion is a run that somebody may have to be told of.
type Occasion struct {
	State *runstate.RunState
	// Last is the run to compare with, or nil.
	Last  *Previous
	Rules []Rule // the operator's and the pipeline's
	Marks []Mark
	// Link is an address in which {run} stands for the run's id; empty means none.
	Link string
	Now  time.Time
}

// part counts how often the run was begun and gone on with: each has an end of
// its own.
func (o *Occasion) part() int { return o.State.Resumed + 1 }

func (o *Occasion) link() string { return strings.ReplaceAll(o.Link, "{run}", o.State.ID) }

// holding are the conditions that hold. A run that waits for approval in its
// place is on its way, and somebody has to know.
func (o *Occasion) holding() []Condition {
	if o.State.Status == runstate.Running && slices.ContainsFunc(o.State.Stages, func(s *runstate.StageState) bool {
		return s.Wait != nil && s.Wait.Approval != nil
	}) {
		return []Condition{pipeline.RunWaiting}
	}
	before := event.Status("")
	if o.Last != nil {
		before = o.Last.Status
	}
	return Holding(o.State.Status, before)
}

// Letters are those about the run as it stands. The same place is told once, for
// the condition that says most.
func (o *Occasion) Letters() []*Letter {
	holding := o.holding()
	var out []*Letter
	for _, rule := range o.Rules {
		met := rule.Met(holding)
		if len(met) == 0 || !rule.About(o.State.Run.Pipeline, o.State.Run.Ref) {
			continue
		}
		to := slices.Sorted(slices.Values(rule.To))
		place := append([]string{rule.Target, rule.Channel}, to...)
		l := &Letter{
			Schema: Schema, Target: rule.Target, Rule: rule.Name, Channel: rule.Channel, To: to, Created: o.Now, Progress: ToSend,
		}
		m := Compose(o.State, met[0], holding, o.Last, o.link())
		l.Message = &m
		l.Key = key(o.State.ID, o.part(), string(met[0])+plans(m.Approvals), place...)
		m.Key = l.Key
		out = once(out, l, place)
	}
	return append(out, o.Statuses()...)
}

// once adds a letter, unless the same place is told already; of two conditions
// that which says more remains.
func once(letters []*Letter, l *Letter, place []string) []*Letter {
	for i, other := range letters {
		if !slices.Equal(append([]string{other.Target, other.Channel}, other.To...), place) {
			continue
		}
		if slices.Index(pipeline.Conditions(), l.Message.Event) < slices.Index(pipeline.Conditions(), other.Message.Event) {
			letters[i] = l
		}
		return letters
	}
	return append(letters, l)
}

// plans tells requests for approval apart: a plan that has changed is asked for
// anew.
func plans(asked []Asked) string {
	if len(asked) == 0 {
		return ""
	}
	var all []string
	for _, a := range asked {
		all = append(all, a.Stage, a.PlanDigest)
	}
	return "-" + digest(all)
}

// Statuses are those that the run's commit is marked with as the run stands.
func (o *Occasion) Statuses() []*Letter {
	var out []*Letter
	for _, m := range o.Marks {
		if !m.About(o.State.Run) {
			continue
		}
		status := StatusOf(o.State, o.link())
		if m.Notes {
			if status.State == StatePending && o.State.Status != event.Waiting {
				continue // a note says how a run ended
			}
			status.Note = note(o.State)
		}
		out = append(out, &Letter{
			Schema: Schema, Mark: m.Name, Status: &status, Created: o.Now, Progress: ToSend,
			Key: key(o.State.ID, o.part(), "mark-"+string(status.State)+waitingMark(o.State.Status), m.Name),
		})
	}
	return out
}

func waitingMark(s event.Status) string {
	if s == event.Waiting {
		return "-waiting"
	}
	return ""
}

// noteLine is what a git note says of a run, as JSON on a line.
type noteLine struct {
	Schema   int          `json:"schema"`
	Run      string       `json:"run"`
	Part     int          `json:"part"`
	Pipeline string       `json:"pipeline"`
	Digest   string       `json:"pipeline_digest,omitempty"`
	Ref      string       `json:"ref,omitempty"`
	Status   event.Status `json:"status"`
	ExitCode int          `json:"exit_code"`
	Ended    string       `json:"ended"`
	Runner   string       `json:"runner_version,omitempty"`
}

func note(s *runstate.RunState) string {
	data, err := json.Marshal(noteLine{
		Schema: Schema, Run: s.ID, Part: s.Resumed + 1, Pipeline: oneLine(s.Run.Pipeline, maxName), Digest: s.Run.Digest, Ref: s.Run.Ref,
		Status: s.Status, ExitCode: s.ExitCode, Ended: s.Ended.UTC().Format(time.RFC3339), Runner: s.Run.Runner,
	})
	if err != nil {
		return strconv.Quote(s.ID) // texts and numbers can always be encoded
	}
	return string(data)
}
