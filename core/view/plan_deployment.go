package view

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/preview"
)

// deployment is what a deployer would change.
func (v *planner) deployment(s *preview.Stage) {
	d := s.Deployment
	switch {
	case d == nil:
		return
	case d.State == preview.NotAsked:
		v.note("plan", "left to the run")
	case d.State == preview.Failed:
		fmt.Fprintf(&v.b, "    plan: %s %s\n%s", v.p.paint("31", mark(event.Failed)), d.Failure.Summary, indent(d.Failure.Detail, "      "))
	case d.Plan == nil:
		v.note("plan", "made during the run, with what is known "+afterText(d.Awaits))
	default:
		text := d.Plan.Digest
		if d.Plan.Target != "" {
			text += " to " + d.Plan.Target
		}
		v.note("plan", text)
		for _, line := range d.Plan.Notes {
			fmt.Fprintf(&v.b, "      %s\n", v.p.faint(line))
		}
		for _, c := range d.Plan.Changes {
			v.change(c)
		}
	}
}

func (v *planner) change(c event.Change) {
	sign, code := "?", "36"
	switch c.Action {
	case "create":
		sign, code = "+", "32"
	case "update":
		sign, code = "~", "33"
	case "delete":
		sign, code = "-", "31"
	case "none":
		sign, code = "=", "2"
	}
	fmt.Fprintf(&v.b, "      %s %-7s %s\n", v.p.paint(code, sign), c.Action, c.Object)
	for line := range strings.Lines(indent(c.Diff, "          ")) {
		v.b.WriteString(v.diffLine(line))
	}
}

// diffLine is one line of a difference in its colour.
func (v *planner) diffLine(line string) string {
	text := strings.TrimRight(line, "\n")
	switch mark := strings.TrimSpace(text); {
	case strings.HasPrefix(mark, "+"):
		text = v.p.paint("32", text)
	case strings.HasPrefix(mark, "-"):
		text = v.p.paint("31", text)
	case strings.HasPrefix(mark, "~"):
		text = v.p.paint("33", text)
	}
	return text + "\n"
}

// decision is what policy would say.
func (v *planner) decision(s *preview.Stage) {
	d := s.Decision
	if d == nil {
		return
	}
	v.note("policy", v.verdict(d))
	for _, found := range d.Violations {
		v.finding(v.p.paint("31", mark(event.Failed)), found, "")
	}
	v.open(d)
	v.awaits(d.Awaits)
	for _, found := range d.Warnings {
		v.finding(v.p.paint("33", "!"), found, "")
	}
	for _, found := range d.Waived {
		v.finding("~", found, "waived by "+found.Waiver)
	}
	for _, text := range d.Refused {
		v.note("waiver", "refused: "+Printable(text))
	}
}

func (v *planner) verdict(d *preview.Decision) string {
	rules := plural(len(d.Rules), "rule", "rules")
	if len(d.Policies) > 0 {
		names := make([]string, 0, len(d.Policies))
		for _, p := range d.Policies {
			name, _, _ := strings.Cut(p, " ") // the digest is for machines
			names = append(names, name)
		}
		slices.Sort(names)
		rules += " of " + strings.Join(slices.Compact(names), ", ")
	}
	switch d.Verdict {
	case preview.Allow:
		return v.p.paint("32", "would allow") + ": " + rules
	case preview.Deny:
		return v.p.paint("31", "would deny") + ": " + plural(len(d.Violations), "violation", "violations") + " (" + rules + ")"
	case preview.Fault:
		return v.p.paint("31", "could not be asked") + ": " + d.Error
	default:
		return v.p.paint("36", "cannot be said yet") + ": " + rules
	}
}

// awaits says what is still to come, and from where.
func (v *planner) awaits(list []preview.Awaited) {
	for _, a := range list {
		if a.Fact == preview.FactPlan {
			continue // that there is none has been said
		}
		from := afterText(a.From)
		if a.More > 0 {
			from += fmt.Sprintf(" and %d more", a.More)
		}
		fmt.Fprintf(&v.b, "      %s %s: known %s\n", v.p.paint("36", "?"), factWords(a.Fact), from)
	}
}

func factWords(fact string) string {
	switch fact {
	case preview.FactArtifacts:
		return "artifacts"
	case preview.FactEvals:
		return "measurements"
	case preview.FactPlan:
		return "plan"
	case preview.FactEnvironment:
		return "environment"
	default:
		return "rules"
	}
}

// open are the findings that may go away. Those that wait for a plan are only
// counted: they say no more than that there is none.
func (v *planner) open(d *preview.Decision) {
	sign, waiting := v.p.paint("36", "?"), make(map[string]bool)
	for _, found := range d.Open {
		if slices.Contains(found.Awaits, preview.FactPlan) {
			waiting[found.Rule] = true
			continue
		}
		var words []string
		for _, fact := range found.Awaits {
			words = append(words, factWords(fact))
		}
		v.finding(sign, found.Violation, "this may change with "+strings.Join(words, ", "))
	}
	if len(waiting) > 0 {
		fmt.Fprintf(&v.b, "      %s %s for the plan\n", sign, plural(len(waiting), "rule waits", "rules wait"))
	}
}

func (v *planner) finding(sign string, found event.Violation, note string) {
	text := found.Message
	if found.Subject != "" {
		text += " (" + found.Subject + ")"
	}
	fmt.Fprintf(&v.b, "      %s %s: %s\n", sign, found.Rule, text)
	if note != "" {
		fmt.Fprintf(&v.b, "        %s\n", v.p.faint(note))
	}
	if found.Remedy != "" {
		fmt.Fprintf(&v.b, "        %s\n", found.Remedy)
	}
}
