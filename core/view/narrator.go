package view

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/core/event"
)

// tailLines is how much of a failed stage's output is shown.
const tailLines = 20

// narrator turns events into the lines that stay: both the plain and the live
// view print them.
type narrator struct {
	palette palette
	verbose bool
	tail    func(stage string, attempt int) []byte
	width   int // of the longest stage name
	partial map[string][]byte
	attempt map[string]int    // the last one of each stage
	planned map[string]string // digest of the plan last shown, by stage
	decided map[string]string // what was last said, by stage and plan
}

func newNarrator(o Options) *narrator {
	return &narrator{
		palette: palette{o.Color}, verbose: o.Verbose, tail: o.Tail,
		partial: make(map[string][]byte), attempt: make(map[string]int),
		planned: make(map[string]string), decided: make(map[string]string),
	}
}

// name is a stage's name, padded.
func (n *narrator) name(stage string) string {
	return n.palette.bold(fmt.Sprintf("%-*s", n.width, stage))
}

// lines are what the event adds to the record, or empty.
func (n *narrator) lines(e event.Event) string {
	if e.Type == event.StageLog {
		return n.log(e)
	}
	e = harmless(e)
	switch e.Type {
	case event.RunStarted:
		return n.runStarted(e)
	case event.AttemptStarted:
		n.attempt[e.Stage] = e.Attempt
		return ""
	case event.RunResumed:
		return n.runResumed(e)
	case event.StageWaiting:
		return fmt.Sprintf("  %s  %s\n", n.name(e.Stage), e.Reason)
	case event.StageRetrying:
		return fmt.Sprintf("  %s  again in %s: %s\n", n.name(e.Stage), Duration(seconds(e.Delay)), e.Reason)
	case event.StageSkipped:
		return fmt.Sprintf("%s %s  %s  %s\n", n.palette.statusText(event.Skipped, mark(event.Skipped)),
			n.name(e.Stage), n.palette.status(event.Skipped), n.palette.faint(e.Reason))
	case event.StageFinished:
		return n.stageFinished(e)
	case event.StageDiagnostic:
		return n.diagnostic(e)
	case event.PlanMade:
		return n.plan(e)
	case event.DecisionMade:
		return n.decision(e)
	case event.ApprovalCounted:
		return n.approval(e)
	case event.RunCancelling:
		return fmt.Sprintf("%s: %s\n", cancelling(e.Mode), e.Reason)
	case event.RunStopping:
		return fmt.Sprintf("stopping: %s\n", e.Reason)
	default:
		return ""
	}
}

func (n *narrator) runStarted(e event.Event) string {
	if e.Run == nil {
		return ""
	}
	n.measure(e.Run)
	text := fmt.Sprintf("%s  %s", n.palette.bold(e.Run.Pipeline), stageCount(e.Run))
	if c := e.Run.Commit; c != "" {
		text += "  commit " + c[:min(len(c), 12)]
		if !e.Run.Clean {
			text += " with changes"
		}
	}
	text += "  run " + e.RunID
	if from := e.Run.Restarted; from != nil {
		text += restarted(*from)
	}
	return text + "\n"
}

func (n *narrator) runResumed(e event.Event) string {
	text := "resuming run " + e.RunID
	if e.Run != nil {
		n.measure(e.Run)
		text = n.palette.bold(e.Run.Pipeline) + "  " + text
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text + "\n"
}

// measure makes room for the longest name.
func (n *narrator) measure(run *event.Run) {
	for _, s := range run.Stages {
		n.width = max(n.width, len(s.Name))
	}
}

// log shows whole lines, each with its stage, when asked to be verbose.
func (n *narrator) log(e event.Event) string {
	if !n.verbose || e.Log == nil {
		return ""
	}
	key := e.Stage + "\x00" + e.Log.Stream
	data := append(n.partial[key], e.Log.Data...)
	end := bytes.LastIndexByte(data, '\n')
	n.partial[key] = bytes.Clone(data[end+1:])
	if end < 0 {
		return ""
	}
	return indent(Printable(string(data[:end])), "  "+n.name(e.Stage)+" │ ")
}

// rest is what a stage said without ending the line.
func (n *narrator) rest(stage string) string {
	var b strings.Builder
	for _, stream := range []string{"stdout", "stderr"} {
		key := stage + "\x00" + stream
		b.WriteString(indent(Printable(string(n.partial[key])), "  "+n.name(stage)+" │ "))
		delete(n.partial, key)
	}
	return b.String()
}

func (n *narrator) stageFinished(e event.Event) string {
	f := e.Finish
	if f == nil {
		return ""
	}
	var b strings.Builder
	b.WriteString(n.rest(e.Stage))
	fmt.Fprintf(&b, "%s %s  %s  %s", n.palette.statusText(f.Status, mark(f.Status)), n.name(e.Stage),
		n.palette.status(f.Status), n.palette.faint(Duration(seconds(f.Duration))))
	if f.Status == event.Succeeded {
		b.WriteString(successNote(f))
	}
	if note := provenance(f); note != "" {
		b.WriteString("  " + n.palette.faint(note))
	}
	b.WriteByte('\n')
	if f.Failure != nil && f.Status != event.Succeeded {
		b.WriteString(n.failure(e, f.Failure))
	}
	return b.String()
}

// successNote is what matters most of a success, in a few words.
func successNote(f *event.Finish) string {
	var notes []string
	if note := cacheNote(f); note != "" {
		notes = append(notes, note)
	}
	if f.Report != nil {
		for _, m := range f.Report.Metrics[:min(len(f.Report.Metrics), 3)] {
			notes = append(notes, metric(m))
		}
		if c := f.Report.Cases; c != nil {
			notes = append(notes, fmt.Sprintf("%d passed", c.Passed))
		}
	}
	if f.Rollout != nil {
		notes = append(notes, fmt.Sprintf("%s %d/%d", f.Rollout.Phase, f.Rollout.Ready, f.Rollout.Replicas))
	}
	if len(notes) == 0 {
		return ""
	}
	return "  " + strings.Join(notes, ", ")
}

func (n *narrator) failure(e event.Event, f *event.Failure) string {
	var b strings.Builder
	b.WriteString(indent(f.Summary, "    "))
	if f.Detail != "" {
		b.WriteString(n.palette.faint(strings.TrimRight(indent(f.Detail, "    "), "\n")) + "\n")
	}
	if n.verbose || n.tail == nil {
		return b.String()
	}
	lines := lastLines(n.tail(e.Stage, n.attempt[e.Stage]), tailLines)
	if lines != "" {
		fmt.Fprintf(&b, "    %s\n", n.palette.faint("the end of its output:"))
		b.WriteString(indent(lines, "    │ "))
	}
	return b.String()
}

func (n *narrator) diagnostic(e event.Event) string {
	d := e.Diagnostic
	if d == nil {
		return ""
	}
	place := ""
	if d.File != "" {
		place = fmt.Sprintf(" (%s:%d)", d.File, d.Line)
	}
	return fmt.Sprintf("  %s  %s: %s%s\n%s", n.name(e.Stage), d.Severity, d.Summary, place, indent(d.Detail, "      "))
}

func (n *narrator) plan(e event.Event) string {
	p := e.Plan
	if p == nil || n.planned[e.Stage] == p.Digest {
		return "" // it is made again before it is applied, to see that nothing has changed
	}
	n.planned[e.Stage] = p.Digest
	var b strings.Builder
	fmt.Fprintf(&b, "  %s  plan %s for %s\n", n.name(e.Stage), shortDigest(p.Digest), p.Target)
	for _, line := range p.Notes {
		fmt.Fprintf(&b, "  %s    %s\n", n.name(""), n.palette.faint(line))
	}
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "  %s    %-7s %s\n", n.name(""), c.Action, c.Object)
		if n.verbose {
			b.WriteString(indent(c.Diff, "          "))
		}
	}
	return b.String()
}

func (n *narrator) decision(e event.Event) string {
	d := e.Decision
	if d == nil {
		return ""
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  %s  policy %s\n", n.name(e.Stage), decision(*d))
	// The gate decides again before it applies; what it says of the same plan is
	// only worth reading again when it is something else.
	key, said := d.For+"\x00"+d.PlanDigest, saidOf(*d)
	if n.decided[key] == said && d.PlanDigest != "" {
		return b.String()
	}
	n.decided[key] = said
	if d.Error != "" {
		b.WriteString(indent(d.Error, "      "))
	}
	for _, v := range d.Violations {
		b.WriteString(n.violation("deny", v))
	}
	for _, v := range d.Warnings {
		b.WriteString(n.violation("warn", v))
	}
	for _, v := range d.Waived {
		b.WriteString(n.violation("waived", v))
	}
	for _, text := range d.Refused {
		b.WriteString(indent("not waived: "+text, "      "))
	}
	return b.String()
}

// saidOf is what a decision says, to tell whether another says the same.
func saidOf(d event.Decision) string {
	return fmt.Sprint(d.Verdict, d.Error, d.Violations, d.Warnings, d.Waived, d.Refused)
}

func (n *narrator) approval(e event.Event) string {
	if e.Approval == nil {
		return ""
	}
	text := fmt.Sprintf("  %s  %s\n", n.name(e.Stage), voice(*e.Approval))
	return text + indent(n.palette.faint(e.Approval.Reason), "      ")
}

func (n *narrator) violation(kind string, v event.Violation) string {
	var b strings.Builder
	fmt.Fprintf(&b, "      %s %s: %s\n", n.palette.paint("31", kind), n.palette.bold(v.Rule), v.Message)
	if v.Subject != "" && !strings.Contains(v.Message, v.Subject) {
		b.WriteString(indent("on "+v.Subject, "        "))
	}
	if v.Waiver != "" {
		b.WriteString(indent("waived by "+v.Waiver, "        "))
	}
	if v.Remedy != "" {
		b.WriteString(indent(n.palette.faint(v.Remedy), "        "))
	}
	if len(v.Controls) > 0 {
		b.WriteString(indent(n.palette.faint("controls: "+strings.Join(v.Controls, ", ")), "        "))
	}
	return b.String()
}

// lastLines is the end of some output.
func lastLines(data []byte, count int) string {
	lines := strings.Split(strings.TrimRight(Printable(string(data)), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-count):], "\n")
}
