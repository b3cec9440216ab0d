package view

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/pipeline"
)

// Duration is a duration for people: three digits and a unit.
func Duration(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute-50*time.Millisecond: // from there on it is rounded to 60.0
		return fmt.Sprintf("%.1fs", d.Seconds())
	case d < time.Hour:
		d = d.Round(time.Second)
		return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
	default:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
}

func seconds(s event.Seconds) time.Duration {
	return time.Duration(float64(s) * float64(time.Second))
}

// shortDigest is enough of a digest to recognise it.
func shortDigest(d string) string {
	algorithm, hex, ok := strings.Cut(d, ":")
	if !ok || len(hex) <= 12 {
		return d
	}
	return algorithm + ":" + hex[:12]
}

func size(n int64) string {
	return humanize.IBytes(uint64(max(n, 0)))
}

// progress is how far a task is, in its unit.
func progress(p *event.Progress) string {
	if p == nil {
		return ""
	}
	amount := ""
	switch {
	case p.Unit == "bytes" && p.Total > 0:
		amount = fmt.Sprintf("%s of %s", size(p.Current), size(p.Total))
	case p.Unit == "bytes":
		amount = size(p.Current)
	case p.Total > 0:
		amount = strings.TrimSpace(fmt.Sprintf("%d of %d %s", p.Current, p.Total, p.Unit))
	case p.Current > 0:
		amount = strings.TrimSpace(fmt.Sprintf("%d %s", p.Current, p.Unit))
	}
	return strings.TrimSpace(p.Task + "  " + amount)
}

func metric(m event.Metric) string {
	text := m.Name + " " + number(m.Value)
	if m.Unit != "" {
		text += " " + m.Unit
	}
	if m.Samples > 0 {
		text += fmt.Sprintf(" (n=%d)", m.Samples)
	}
	return text
}

// number is a measured number: six digits, and more only for large counts,
// which nobody reads with an exponent.
func number(v float64) string {
	if size := math.Abs(v); size >= 1e6 && size < 1e15 {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}

// Bounds says what a threshold asks for.
func Bounds(t event.Threshold) string {
	switch {
	case t.Min != nil && t.Max != nil:
		return number(*t.Min) + " to " + number(*t.Max)
	case t.Min != nil:
		return "at least " + number(*t.Min)
	case t.Max != nil:
		return "at most " + number(*t.Max)
	default:
		return "unbounded"
	}
}

func plural(n int, one, many string) string {
	if n == 1 {
		return fmt.Sprintf("%d %s", n, one)
	}
	return fmt.Sprintf("%d %s", n, many)
}

// stageCount is how many stages a run has, of how many.
func stageCount(r *event.Run) string {
	if n := len(r.Stages); r.Whole > n {
		return fmt.Sprintf("%d of %d stages", n, r.Whole)
	}
	return plural(len(r.Stages), "stage", "stages")
}

// cancelling is what happens to a run that somebody stops.
func cancelling(mode event.StopMode) string {
	switch mode {
	case event.StopAfterCurrent:
		return "cancelling after the current stages"
	case event.StopNow:
		return "cancelling at once"
	default:
		return "cancelling"
	}
}

// decision is a verdict in one line.
func decision(d event.Decision) string {
	text := fmt.Sprintf("%s: %s", d.Verdict, plural(len(d.Rules), "rule", "rules"))
	if n := len(d.Violations); n > 0 {
		text += ", " + plural(n, "violation", "violations")
	}
	if n := len(d.Warnings); n > 0 {
		text += ", " + plural(n, "warning", "warnings")
	}
	if n := len(d.Waived); n > 0 {
		text += fmt.Sprintf(", %d waived", n)
	}
	return text
}

// cacheNote says that a result was taken over, and otherwise why a stage whose
// result is kept was executed all the same.
func cacheNote(f *event.Finish) string {
	switch {
	case f.Cached != nil:
		return "cached from run " + f.Cached.Run
	case f.Uncached != "" && f.Status == event.Succeeded:
		return "run because " + f.Uncached
	default:
		return ""
	}
}

// voice is what somebody has said, in one line.
func voice(a event.Approval) string {
	what := "approved"
	if a.Verdict == "reject" {
		what = "rejected"
	}
	return fmt.Sprintf("%s by %s (%s)", what, a.Principal, a.Fingerprint)
}

// indent puts prefix before every line.
func indent(text, prefix string) string {
	text = strings.TrimRight(text, "\n")
	if text == "" {
		return ""
	}
	return prefix + strings.ReplaceAll(text, "\n", "\n"+prefix) + "\n"
}

// restarted says where a run has taken results over from.
func restarted(r event.Restart) string {
	var from []string
	for _, s := range r.Stages {
		from = append(from, pipeline.StageAddress(s))
	}
	return fmt.Sprintf("  restarts run %s from %s", r.Run, strings.Join(from, ", "))
}

// provenance says how a stage came to its end without being run here.
func provenance(f *event.Finish) string {
	switch {
	case f.From != "":
		return "taken over from run " + f.From
	case f.Observed && f.Status == event.Succeeded:
		return "found done after an interruption"
	default:
		return ""
	}
}
