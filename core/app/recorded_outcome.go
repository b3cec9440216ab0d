package app

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/stagegate/stagegate/core/event"
	"github.com/stagegate/stagegate/core/view"
)

// maxDifferences bounds what is said of two decisions.
const maxDifferences = 50

// recordedOutcome compares a decision with the one on record.
type recordedOutcome struct {
	Outcome string `json:"outcome_digest,omitempty"`
	Same    bool   `json:"same"`
	// Differences name what only one of them says.
	Differences []string `json:"differences,omitempty"`
}

func compareOutcomes(was, now event.Decision) *recordedOutcome {
	r := &recordedOutcome{Outcome: was.Outcome, Same: was.Outcome != "" && was.Outcome == now.Outcome}
	if r.Same {
		return r
	}
	if was.Verdict != now.Verdict {
		r.add("the verdict was %s, and is %s", was.Verdict, now.Verdict)
	}
	r.only("was judged by", was.Policies, now.Policies)
	r.only("is judged by", now.Policies, was.Policies)
	r.only("was evaluated:", was.Rules, now.Rules)
	r.only("is evaluated:", now.Rules, was.Rules)
	for _, kind := range []struct {
		name     string
		was, now []event.Violation
	}{
		{"violation", was.Violations, now.Violations}, {"warning", was.Warnings, now.Warnings}, {"waived", was.Waived, now.Waived},
	} {
		r.only(kind.name+" only then:", findingTexts(kind.was), findingTexts(kind.now))
		r.only(kind.name+" only now:", findingTexts(kind.now), findingTexts(kind.was))
	}
	if was.Error != now.Error {
		r.add("the error was %q, and is %q", was.Error, now.Error)
	}
	return r
}

func (r *recordedOutcome) add(format string, args ...any) {
	if len(r.Differences) < maxDifferences {
		r.Differences = append(r.Differences, fmt.Sprintf(format, args...))
	}
}

// only names what one list has and the other has not.
func (r *recordedOutcome) only(what string, list, other []string) {
	for _, text := range list {
		if !slices.Contains(other, text) {
			r.add("%s %s", what, text)
		}
	}
}

func findingTexts(list []event.Violation) []string {
	out := make([]string, len(list))
	for i, v := range list {
		out[i] = strings.TrimSuffix(v.Rule+": "+v.Message+" ("+v.Subject+")", " ()")
	}
	return out
}

func (r *recordedOutcome) text(w io.Writer) error {
	if r.Same {
		_, err := fmt.Fprintf(w, "\nThe same as recorded, to the byte: %s\n", r.Outcome)
		return err
	}
	lines := append([]string{"", "Another outcome than recorded:"}, r.Differences...)
	_, err := fmt.Fprintln(w, view.Printable(strings.Join(lines, "\n")))
	return err
}
