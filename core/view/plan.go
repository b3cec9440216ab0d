package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/preview"
)

// maxColumn is how far a column is padded: what is wider sticks out.
const maxColumn = 40

// Plan prints what a run would do: every stage with its reason, what is known of
// its configuration, what deployers would change and what policy would say.
func Plan(w io.Writer, p *preview.Preview, color bool) error {
	v := planner{p: palette{color}, preview: harmless(p)}
	v.head()
	v.measure()
	for _, s := range v.preview.Stages {
		v.stage(s)
	}
	v.foot()
	_, err := io.WriteString(w, v.b.String())
	return err
}

// planner writes a preview.
type planner struct {
	b          strings.Builder
	p          palette
	preview    *preview.Preview
	name, uses int  // widths of columns
	apart      bool // an empty line was the last thing written
}

func (v *planner) head() {
	fmt.Fprintf(&v.b, "%s", v.p.bold(v.preview.Pipeline))
	if v.preview.Description != "" {
		fmt.Fprintf(&v.b, "  %s", v.preview.Description)
	}
	v.b.WriteByte('\n')
	if commit := v.preview.Commit; commit != "" {
		tree := ""
		if !v.preview.Clean {
			tree = ", and changes that are not committed"
		}
		fmt.Fprintf(&v.b, "%s\n", v.p.faint("commit "+commit[:min(len(commit), 12)]+tree))
	}
	if whole := v.preview.Whole; whole > 0 {
		fmt.Fprintf(&v.b, "%s\n", v.p.faint(fmt.Sprintf("%d of %d stages, for %s", len(v.preview.Stages), whole, strings.Join(v.preview.Targets, ", "))))
	}
	if v.preview.Timeout > 0 {
		fmt.Fprintf(&v.b, "%s\n", v.p.faint("stopped after "+limit(v.preview.Timeout)))
	}
	fmt.Fprintf(&v.b, "%s\n\n", v.p.faint("+ runs   = cached   - skipped   ? decided during the run"))
}

// measure finds the widths of the columns.
func (v *planner) measure() {
	for _, s := range v.preview.Stages {
		v.name, v.uses = max(v.name, len(s.Name)), max(v.uses, len(s.Uses))
	}
	v.name, v.uses = min(v.name, maxColumn), min(v.uses, maxColumn)
}

func (v *planner) stage(s *preview.Stage) {
	fmt.Fprintf(&v.b, "%s %s  %s  %s\n", v.sign(s.Action), v.p.bold(fmt.Sprintf("%-*s", v.name, s.Name)),
		fmt.Sprintf("%-*s", v.uses, s.Uses), v.p.faint(s.Reason))
	before := v.b.Len()
	if s.Action != preview.Skip && s.Action != preview.Cached {
		v.arguments(s)
		v.notes(s)
	}
	v.deployment(s)
	v.decision(s)
	v.problems(s)
	if v.apart = v.b.Len() > before; v.apart {
		v.b.WriteByte('\n')
	}
}

// sign is the mark in front of a stage.
func (v *planner) sign(a preview.Action) string {
	switch a {
	case preview.Run:
		return v.p.paint("32", "+")
	case preview.Cached:
		return v.p.faint("=")
	case preview.Skip:
		return v.p.paint("33", "-")
	default:
		return v.p.paint("36", "?")
	}
}

// notes are what the runner keeps to.
func (v *planner) notes(s *preview.Stage) {
	var limits []string
	if s.Timeout > 0 {
		limits = append(limits, "timeout "+limit(s.Timeout))
	}
	if s.Retry != nil {
		limits = append(limits, fmt.Sprintf("up to %d attempts, %s apart at first", s.Retry.Attempts, limit(s.Retry.Backoff)))
	}
	if c := s.Concurrency; c != nil {
		text := fmt.Sprintf("one at a time in group %q", c.Group)
		if c.Mode == "cancel_older" {
			text += ", ending older runs"
		}
		limits = append(limits, text)
	}
	v.note("limits", strings.Join(limits, "; "))
	v.note("secrets", strings.Join(s.Secrets, ", "))
	if s.Approval != nil {
		v.note("approval", approval(s.Approval))
	}
}

// limit is a duration as people write it.
func limit(s event.Seconds) string {
	text := seconds(s).String()
	text = strings.Replace(text, "m0s", "m", 1)
	return strings.Replace(text, "h0m", "h", 1)
}

func (v *planner) note(name, text string) {
	if text != "" {
		fmt.Fprintf(&v.b, "    %s: %s\n", name, text)
	}
}

func approval(a *preview.Approval) string {
	who := plural(a.Required, "person has", "people have")
	if len(a.Approvers) > 0 {
		who = fmt.Sprintf("%d of %s", a.Required, strings.Join(a.Approvers, ", "))
		if a.Required == 1 {
			who += " has"
		} else {
			who += " have"
		}
	}
	text := who + " to agree with the plan"
	if a.Expires > 0 {
		text += ", within " + limit(a.Expires)
	}
	return text
}

func (v *planner) problems(s *preview.Stage) {
	for _, d := range s.Problems {
		sign := v.p.paint("31", mark(event.Failed))
		if d.Severity == "warning" {
			sign = v.p.paint("33", "!")
		}
		place := ""
		if d.File != "" {
			place = fmt.Sprintf(" (%s line %d)", d.File, d.Line)
		}
		fmt.Fprintf(&v.b, "    %s %s%s\n%s", sign, d.Summary, place, indent(d.Detail, "      "))
	}
}

func (v *planner) foot() {
	s := v.preview.Summary
	if !v.apart {
		v.b.WriteByte('\n')
	}
	parts := []string{
		fmt.Sprintf("%d to run", s.Run), fmt.Sprintf("%d cached", s.Cached), fmt.Sprintf("%d skipped", s.Skip),
		fmt.Sprintf("%d decided during the run", s.Unknown),
	}
	fmt.Fprintf(&v.b, "%s %s.\n", v.p.bold("Plan:"), strings.Join(parts, ", "))
	if s.Failing > 0 {
		fmt.Fprintf(&v.b, "%s\n", v.p.paint("31", plural(s.Failing, "stage is", "stages are")+" known to fail."))
	}
	if s.Planned+s.Unplanned > 0 {
		fmt.Fprintf(&v.b, "%s %s.\n", v.p.bold("Deployments:"), deployments(s))
	}
	if len(s.Decisions) > 0 {
		fmt.Fprintf(&v.b, "%s %s.\n", v.p.bold("Policy:"), decisions(s))
	}
}

func deployments(s preview.Summary) string {
	var parts []string
	for _, kind := range []struct{ action, text string }{
		{"create", "to create"}, {"update", "to update"}, {"delete", "to delete"}, {"none", "unchanged"}, {"unknown", "not known"},
	} {
		if n := s.Changes[kind.action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, kind.text))
		}
	}
	text := strings.Join(parts, ", ")
	if text == "" && s.Planned > 0 {
		text = "no changes"
	}
	if s.Unplanned > 0 {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%d without a plan yet", s.Unplanned)
	}
	return text
}

func decisions(s preview.Summary) string {
	var parts []string
	for _, kind := range []struct {
		verdict preview.Verdict
		text    string
	}{
		{preview.Allow, "would be allowed"}, {preview.Deny, "would be denied"},
		{preview.Unknown, "cannot be said before the run"}, {preview.Fault, "could not be judged"},
	} {
		if n := s.Decisions[kind.verdict]; n > 0 {
			text := fmt.Sprintf("%d %s", n, kind.text)
			if kind.verdict == preview.Deny {
				text += " (" + plural(s.Violations, "violation", "violations") + ")"
			}
			parts = append(parts, text)
		}
	}
	return strings.Join(parts, ", ")
}

// afterText says when something will be known.
func afterText(after []string) string {
	if len(after) == 1 && after[0] == preview.AfterRun {
		return "when the run starts"
	}
	return "after " + strings.Join(after, ", ")
}
