package notify

import (
	"cmp"
	"fmt"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// Mark is a place where commits are marked with what became of their runs. Only
// the operator defines one. Exactly one of Forge and Notes is set.
type Mark struct {
	Name  string
	Forge *Forge
	Notes bool // git notes in the repository that the run is of
	// Repositories, Pipelines and Branches are patterns; empty means all.
	Repositories []string
	Pipelines    []string
	Branches     []string
}

// Kind of a forge, by whose documentation its requests are made.
type Kind string

// The kinds.
const (
	GitHub Kind = "github"
	GitLab Kind = "gitlab"
	Gitea  Kind = "gitea"
)

// Forge shows statuses of commits.
type Forge struct {
	Kind    Kind
	URL     string // of the API
	Project string // owner/name, or GitLab's path with groups
	Token   string // the name of a secret
	CAFile  string
}

// Secrets are the names of the secrets that it needs.
func (m Mark) Secrets() []string {
	if m.Forge == nil {
		return nil
	}
	return named([]string{m.Forge.Token})
}

// About reports whether the mark is for runs of a pipeline in a repository on a
// ref. Only the tree of a commit can be marked as that commit.
func (m Mark) About(run event.Run) bool {
	return run.Commit != "" && run.Clean && Among(m.Repositories, cmp.Or(run.Repository, run.PushedTo, run.Root)) &&
		(run.Pipeline == "" || Among(m.Pipelines, run.Pipeline)) && onBranch(m.Branches, run.Ref)
}

// State of a commit, in the words that forges share.
type State string

// The states.
const (
	StatePending State = "pending"
	StateSuccess State = "success"
	StateFailure State = "failure" // what was run says no
	StateError   State = "error"   // it could not be run
)

// Status is what a commit is marked with.
type Status struct {
	Repository  string `json:"repository"` // folder of it, for notes
	Commit      string `json:"commit"`
	Context     string `json:"context"`
	State       State  `json:"state"`
	Description string `json:"description"`
	Link        string `json:"link,omitempty"`
	// Note is the line that a git note gets.
	Note string `json:"note,omitempty"`
}

// maxDescription is the shortest of what forges take, in characters.
const maxDescription = 140

// maxContext keeps a hostile name of a pipeline from filling a page.
const maxContext = 100

// StatusOf says where a run stands, for its commit.
func StatusOf(s *runstate.RunState, link string) Status {
	out := Status{
		Repository: cmp.Or(s.Run.PushedTo, s.Run.Root), Commit: s.Run.Commit, Link: link,
		Context: clip("stagegate/"+line(cmp.Or(s.Run.Pipeline, "pipeline")), maxContext),
		State:   StatePending,
	}
	switch s.Status {
	case event.Succeeded:
		out.State = StateSuccess
	case event.Failed, event.Denied:
		out.State = StateFailure
	case event.Errored, event.Cancelled, runstate.Interrupted:
		out.State = StateError
	default: // pending, running, waiting
	}
	text := fmt.Sprintf("Run %s %s", s.ID, words(s.Status))
	if why := reason(s); why != "" {
		text += ": " + why
	}
	out.Description = oneLine(text, maxDescription)
	return out
}
