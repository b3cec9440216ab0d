package notify

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
	"github.com/stagegate/stagegate/core/runstate"
)

// Schema is the version of Message. Fields are added under the same one, never
// renamed or removed.
const Schema = 1

// Bounds of a message.
const (
	maxName   = 200
	maxLine   = 500
	maxDetail = 2000
	maxStages = 20
)

// Message is what somebody is told about a run. Its JSON form is what webhooks
// get.
type Message struct {
	Schema int `json:"schema"`
	// Key is the same whenever this message is sent again: who has seen it can
	// pass it over.
	Key string `json:"key"`
	// Event is the condition for which it was sent, and Conditions are all that
	// held.
	Event      Condition   `json:"event"`
	Conditions []Condition `json:"conditions"`
	Summary    string      `json:"summary"` // one line for people
	Run        RunFacts    `json:"run"`
	// Previous is the run that it was compared with.
	Previous *Previous `json:"previous,omitempty"`
	Failure  *Failing  `json:"failure,omitempty"`
	// Stages are those that did not succeed, at most 20.
	Stages []StageFacts `json:"stages,omitempty"`
	// Approvals are what the run waits for.
	Approvals []Asked `json:"approvals,omitempty"`
	Link      string  `json:"link,omitempty"`
}

// RunFacts describe the run.
type RunFacts struct {
	ID         string       `json:"id"`
	Pipeline   string       `json:"pipeline"`
	Status     event.Status `json:"status"`
	ExitCode   int          `json:"exit_code"`
	Repository string       `json:"repository,omitempty"`
	Ref        string       `json:"ref,omitempty"`
	Commit     string       `json:"commit,omitempty"`
	Trigger    string       `json:"trigger,omitempty"`
	Actor      string       `json:"actor,omitempty"`
	// Resumed says how often it was gone on with.
	Resumed  int           `json:"resumed,omitempty"`
	Started  time.Time     `json:"started,omitzero"`
	Ended    time.Time     `json:"ended,omitzero"`
	Duration event.Seconds `json:"duration_seconds"`
}

// Previous is the last run before.
type Previous struct {
	Run    string       `json:"run"`
	Status event.Status `json:"status"`
}

// Failing says why the run did not succeed.
type Failing struct {
	Summary string `json:"summary"`
	Detail  string `json:"detail,omitempty"`
}

// StageFacts is how one stage stands.
type StageFacts struct {
	Stage   string       `json:"stage"` // its address
	Status  event.Status `json:"status"`
	Summary string       `json:"summary,omitempty"`
}

// Asked is a plan that somebody has to approve.
type Asked struct {
	Stage       string `json:"stage"`
	Environment string `json:"environment,omitempty"`
	PlanDigest  string `json:"plan_digest"`
	Required    int    `json:"required"`
	Approved    int    `json:"approved"`
}

// Compose writes the message about a run. The conditions are those that hold,
// and why is the one for which it is sent.
func Compose(s *runstate.RunState, why Condition, holding []Condition, before *Previous, link string) Message {
	m := Message{
		Schema: Schema, Event: why, Conditions: holding, Previous: before, Link: link,
		Run: RunFacts{
			ID: s.ID, Pipeline: oneLine(s.Run.Pipeline, maxName), Status: s.Status, ExitCode: s.ExitCode,
			Repository: oneLine(cmp.Or(s.Run.Repository, s.Run.PushedTo), maxLine), Ref: oneLine(s.Run.Ref, maxName), Commit: s.Run.Commit,
			Trigger: s.Run.Trigger, Actor: s.Run.Actor, Resumed: s.Resumed,
			Started: s.Started, Ended: s.Ended, Duration: event.Seconds(s.Duration(s.Ended).Seconds()),
		},
	}
	m.Summary = clip(m.headline(), maxLine)
	if s.Failure != nil && s.Status != event.Succeeded {
		m.Failure = &Failing{Summary: oneLine(s.Failure.Summary, maxLine), Detail: clip(plain(s.Failure.Detail[:min(len(s.Failure.Detail), 8*maxDetail)]), maxDetail)}
	}
	if s.Status == runstate.Interrupted {
		m.Failure = &Failing{Summary: "the runner died", Detail: "Nobody works on the run any more. Go on with it: runner resume " + s.ID}
	}
	for _, stage := range s.Stages {
		m.take(stage)
	}
	return m
}

func (m *Message) take(stage *runstate.StageState) {
	if w := stage.Wait; w != nil && w.Approval != nil && len(m.Approvals) < maxStages {
		m.Approvals = append(m.Approvals, Asked{
			Stage: addressOf(stage), Environment: oneLine(w.Approval.Environment, maxName), PlanDigest: w.Approval.PlanDigest,
			Required: w.Approval.Required, Approved: len(w.Approval.Approved),
		})
	}
	switch stage.Status {
	case event.Failed, event.Errored, event.Denied, event.Unknown:
	default:
		return
	}
	if len(m.Stages) == maxStages {
		return
	}
	facts := StageFacts{Stage: addressOf(stage), Status: stage.Status}
	if f := stage.Finish; f != nil && f.Failure != nil {
		facts.Summary = oneLine(f.Failure.Summary, maxLine)
	}
	m.Stages = append(m.Stages, facts)
}

func addressOf(stage *runstate.StageState) string {
	return oneLine(pipeline.StageAddress(stage.Name), maxName)
}

// headline says in a line what has happened.
func (m *Message) headline() string {
	name := cmp.Or(m.Run.Pipeline, "The pipeline")
	text := name + " " + words(m.Run.Status)
	if m.Event == pipeline.RunFixed {
		text = name + " is fixed"
	}
	if m.Event == pipeline.RunWaiting {
		text = name + " " + words(event.Waiting) // also where it is on its way meanwhile
	}
	if where := cmp.Or(Branch(m.Run.Ref), m.Run.Ref); where != "" {
		text += " on " + where
	}
	if m.Event == pipeline.RunRegression {
		text += ", where it succeeded before"
	}
	if m.Run.Commit != "" {
		text += fmt.Sprintf(" (%.12s)", m.Run.Commit)
	}
	return text
}

// Text is the message for people, without its first line.
func (m *Message) Text() string {
	var b strings.Builder
	if f := m.Failure; f != nil {
		b.WriteString(f.Summary + "\n")
		if f.Detail != "" {
			b.WriteString(strings.TrimRight(f.Detail, "\n") + "\n")
		}
		b.WriteString("\n")
	}
	for _, s := range m.Stages {
		b.WriteString("- " + s.Stage + " " + stageWords(s.Status))
		if s.Summary != "" {
			b.WriteString(": " + s.Summary)
		}
		b.WriteString("\n")
	}
	for _, a := range m.Approvals {
		fmt.Fprintf(&b, "- %s: %d of %d have approved the plan %s", a.Stage, a.Approved, a.Required, a.PlanDigest)
		if a.Environment != "" {
			b.WriteString(" for " + a.Environment)
		}
		fmt.Fprintf(&b, "\n  runner approve %s\n", m.Run.ID)
	}
	if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n\n") {
		b.WriteString("\n")
	}
	for _, fact := range [][2]string{
		{"run", m.Run.ID}, {"repository", m.Run.Repository}, {"ref", m.Run.Ref}, {"commit", m.Run.Commit}, {"last run", m.before()},
		{"took", (time.Duration(float64(m.Run.Duration)*1000) * time.Millisecond).Round(time.Second).String()},
		{"link", m.Link}, {"look at it with", "runner show " + m.Run.ID},
	} {
		if fact[1] != "" {
			b.WriteString(fact[0] + ": " + fact[1] + "\n")
		}
	}
	return b.String()
}

func (m *Message) before() string {
	if m.Previous == nil {
		return ""
	}
	return m.Previous.Run + ", which " + words(m.Previous.Status)
}

func stageWords(s event.Status) string {
	if s == event.Unknown {
		return "was on its way"
	}
	return words(s)
}
