package view

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/runstate"
)

// Summary prints what a run came to: its stages with their times, what they
// made and measured, what policy said, and where the release is.
func Summary(w io.Writer, s *runstate.RunState, color bool, now time.Time) error {
	s = harmless(s)
	p := palette{color}
	var b strings.Builder
	writeStages(&b, s, p, now)
	writeArtifacts(&b, s, p)
	writeReports(&b, s, p)
	writeDecisions(&b, s, p)
	writeWaived(&b, s, p)
	writeApprovals(&b, s, p)
	writeRollouts(&b, s, p)
	writeEnd(&b, s, p, now)
	_, err := io.WriteString(w, b.String())
	return err
}

// table writes aligned columns under a heading.
func table(b *strings.Builder, p palette, heading string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	fmt.Fprintf(b, "\n%s\n", p.bold(heading))
	var text strings.Builder
	t := tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		fmt.Fprintf(t, "  %s\n", strings.Join(row, "\t"))
	}
	_ = t.Flush() // a strings.Builder never fails
	for line := range strings.Lines(text.String()) {
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
}

func writeStages(b *strings.Builder, s *runstate.RunState, p palette, now time.Time) {
	var rows [][]string
	for _, stage := range s.Stages {
		took := ""
		switch {
		case stage.Finish != nil:
			took = Duration(seconds(stage.Finish.Duration))
		case stage.Status == runstate.Running:
			took = Duration(now.Sub(stage.Started))
		}
		note := stage.Reason
		if stage.Finish != nil && stage.Finish.Failure != nil && stage.Status != event.Succeeded {
			note = firstLine(stage.Finish.Failure.Summary)
		}
		if stage.Finish != nil && note == "" {
			note = cmp.Or(provenance(stage.Finish), cacheNote(stage.Finish))
		}
		if n := len(stage.Attempts); n > 1 {
			note = strings.TrimSpace(fmt.Sprintf("%d attempts  %s", n, note))
		}
		// The sign carries the status: colour codes would spoil the columns.
		rows = append(rows, []string{mark(stage.Status) + " " + stage.Name, stage.Uses, string(stage.Status), took, note})
	}
	table(b, p, "Stages", rows)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func writeArtifacts(b *strings.Builder, s *runstate.RunState, p palette) {
	var rows [][]string
	for _, stage := range s.Stages {
		for _, a := range stage.Artifacts {
			rows = append(rows, []string{a.Name, a.Digest, size(a.Size), "from " + stage.Name})
		}
	}
	table(b, p, "Artifacts", rows)
}

func writeReports(b *strings.Builder, s *runstate.RunState, p palette) {
	var rows [][]string
	for _, stage := range s.Stages {
		if stage.Finish == nil || stage.Finish.Report == nil {
			continue
		}
		r := stage.Finish.Report
		bounds := make(map[string]event.Threshold)
		for _, t := range r.Thresholds {
			bounds[t.Metric] = t
		}
		for _, m := range r.Metrics {
			row := []string{metric(m), "", "from " + stage.Name}
			if t, ok := bounds[m.Name]; ok {
				row[1] = mark(event.Failed) + " " + Bounds(t)
				if t.Met {
					row[1] = mark(event.Succeeded) + " " + Bounds(t)
				}
			}
			rows = append(rows, row)
		}
		if c := r.Cases; c != nil {
			rows = append(rows, []string{
				fmt.Sprintf("%d passed, %d failed, %d skipped", c.Passed, c.Failed+c.Errored, c.Skipped), "", "from " + stage.Name,
			})
		}
	}
	table(b, p, "Tests", rows)
}

func writeDecisions(b *strings.Builder, s *runstate.RunState, p palette) {
	var rows [][]string
	for _, stage := range s.Stages {
		for _, d := range stage.Decisions {
			about := "artifacts"
			if d.For != "" {
				about = d.For
			}
			row := []string{decision(d), "on " + about}
			if d.PlanDigest != "" {
				row = append(row, "plan "+shortDigest(d.PlanDigest))
			}
			rows = append(rows, append(row, "at "+stage.Name))
		}
	}
	table(b, p, "Policy", rows)
}

// writeWaived names what was accepted although a rule is violated, and the
// waivers that did not count, once for each plan.
func writeWaived(b *strings.Builder, s *runstate.RunState, p palette) {
	var rows [][]string
	add := func(d event.Decision, row ...string) {
		row = append(row, "plan "+shortDigest(d.PlanDigest))
		if !slices.ContainsFunc(rows, func(have []string) bool { return slices.Equal(have, row) }) {
			rows = append(rows, row)
		}
	}
	for _, stage := range s.Stages {
		for _, d := range stage.Decisions {
			for _, v := range d.Waived {
				add(d, v.Rule, firstLine(v.Message), "waived by "+firstLine(v.Waiver))
			}
			for _, text := range d.Refused {
				add(d, "(refused)", "", firstLine(text))
			}
		}
	}
	table(b, p, "Waivers", rows)
}

func writeApprovals(b *strings.Builder, s *runstate.RunState, p palette) {
	var rows [][]string
	for _, stage := range s.Stages {
		for _, a := range stage.Approvals {
			rows = append(rows, []string{voice(a), "plan " + shortDigest(a.PlanDigest), "at " + stage.Name, firstLine(a.Reason)})
		}
	}
	table(b, p, "Approvals", rows)
}

func writeRollouts(b *strings.Builder, s *runstate.RunState, p palette) {
	for _, stage := range s.Stages {
		if stage.Finish == nil || stage.Finish.Rollout == nil {
			continue
		}
		r := stage.Finish.Rollout
		target := ""
		if stage.Plan != nil && stage.Plan.Target != "" {
			target = " to " + stage.Plan.Target
		}
		heading := fmt.Sprintf("Rollout%s: %s, %d of %d ready", target, r.Phase, r.Ready, r.Replicas)
		table(b, p, heading, placements(r.Placements))
	}
}

// placements is a row for each node: its replicas and what they hold.
func placements(all []event.Placement) [][]string {
	byNode := make(map[string][]event.Placement)
	for _, one := range all {
		byNode[one.Node] = append(byNode[one.Node], one)
	}
	var rows [][]string
	for _, node := range slices.Sorted(maps.Keys(byNode)) {
		devices := make(map[string]int64)
		var names []string
		for _, one := range byNode[node] {
			name := one.Replica
			if !one.Ready {
				name += " (not ready)"
			}
			names = append(names, name)
			for resource, n := range one.Devices {
				devices[resource] += n
			}
		}
		var held []string
		for _, resource := range slices.Sorted(maps.Keys(devices)) {
			held = append(held, fmt.Sprintf("%d %s", devices[resource], resource))
		}
		slices.Sort(names)
		if node == "" {
			node = "(no node)"
		}
		rows = append(rows, []string{node, strings.Join(held, ", "), strings.Join(names, ", ")})
	}
	return rows
}

func writeEnd(b *strings.Builder, s *runstate.RunState, p palette, now time.Time) {
	fmt.Fprintf(b, "\n%s  run %s in %s", p.statusText(s.Status, mark(s.Status)+" "+string(s.Status)), s.ID, Duration(s.Duration(now)))
	if s.Failure != nil && s.Status != event.Succeeded {
		fmt.Fprintf(b, ": %s", firstLine(s.Failure.Summary))
	}
	b.WriteByte('\n')
	if s.Resumed > 0 {
		fmt.Fprintf(b, "  resumed %s\n", plural(s.Resumed, "time", "times"))
	}
	if from := s.Run.Restarted; from != nil {
		fmt.Fprintln(b, restarted(*from))
	}
	for _, stage := range s.Stages {
		if stage.Wait != nil && stage.Wait.Approval != nil {
			fmt.Fprintf(b, "  %s: runner approve %s %s\n", stage.Name, s.ID, quoted(stage.Name))
		}
	}
	if s.Unfinished() {
		fmt.Fprintf(b, "  go on with: runner resume %s\n", s.ID)
	}
}

// quoted is a word of a command line.
func quoted(word string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_-./", r)
	}
	if strings.ContainsFunc(word, func(r rune) bool { return !plain(r) }) {
		return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return word
}
