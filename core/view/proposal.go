package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/stagegate/stagegate/core/runstate"
)

// Proposal prints what a stage waits with, for whoever has to approve it: the
// plan with its differences, what policy has said of it, and who has approved.
func Proposal(w io.Writer, run *runstate.RunState, stage *runstate.StageState, approved []string, color bool) error {
	stage, asked := harmless(stage), harmless(*stage.Wait.Approval)
	n := newNarrator(Options{Color: color, Verbose: true})
	n.width = len(stage.Name)
	var b strings.Builder
	fmt.Fprintf(&b, "%s of run %s, pipeline %s", n.palette.bold(stage.Name), run.ID, Printable(run.Run.Pipeline))
	if c := run.Run.Commit; c != "" {
		fmt.Fprintf(&b, ", commit %.12s", Printable(c))
	}
	if actor := run.Run.Actor; actor != "" {
		fmt.Fprintf(&b, ", started by %s", Printable(actor))
	}
	fmt.Fprintf(&b, "\n  plan      %s\n", asked.PlanDigest)
	if asked.Environment != "" {
		fmt.Fprintf(&b, "  for       %s\n", asked.Environment)
	}
	if p := stage.Plan; p != nil && p.Digest == asked.PlanDigest {
		if p.Target != "" {
			fmt.Fprintf(&b, "  to        %s\n", p.Target)
		}
		for _, line := range p.Notes {
			fmt.Fprintf(&b, "    %s\n", n.palette.faint(line))
		}
		for _, c := range p.Changes {
			fmt.Fprintf(&b, "    %-7s %s\n", c.Action, c.Object)
			b.WriteString(indent(c.Diff, "          "))
		}
	}
	if stage.Wait.Changed != "" {
		fmt.Fprintf(&b, "  %s\n", stage.Wait.Changed)
	}
	for _, d := range stage.Decisions {
		if d.Digest != asked.DecisionDigest {
			continue
		}
		fmt.Fprintf(&b, "  policy    %s\n", decision(d))
		for _, v := range d.Warnings {
			b.WriteString(n.violation("warn", v))
		}
		for _, v := range d.Waived {
			b.WriteString(n.violation("waived", v))
		}
	}
	fmt.Fprintf(&b, "  approvals %d of %d", len(approved), asked.Required)
	if len(approved) > 0 {
		fmt.Fprintf(&b, " (%s)", Printable(strings.Join(approved, ", ")))
	}
	if len(asked.Approvers) > 0 {
		fmt.Fprintf(&b, ", by %s", strings.Join(asked.Approvers, ", "))
	}
	b.WriteByte('\n')
	_, err := io.WriteString(w, b.String())
	return err
}
