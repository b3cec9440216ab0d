package tests

import (
	"fmt"
	"io"
	"strings"

	"github.com/stagegate/stagegate/sdk"
)

// maxNamed bounds the tests that a failure names; the report has them all.
const maxNamed = 20

// failing are the cases that did not pass.
func (r *result) failing() []testCase {
	var out []testCase
	for _, c := range r.cases {
		if c.verdict == sdk.CaseFailed || c.verdict == sdk.CaseBroken {
			out = append(out, c)
		}
	}
	return out
}

// verdict is nil when tests were run, all passed, and reach enough.
func (r *result) verdict(least float64) error {
	ran := 0
	for _, c := range r.cases {
		if c.verdict != sdk.CaseSkipped {
			ran++
		}
	}
	failing := r.failing()
	switch {
	case len(failing) > 0:
		var lines []string
		for _, c := range failing[:min(len(failing), maxNamed)] {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", c.place(), c.whole(), firstLine(c.message)))
		}
		if more := len(failing) - maxNamed; more > 0 {
			lines = append(lines, fmt.Sprintf("and %d more", more))
		}
		return &sdk.Failure{
			Summary: fmt.Sprintf("%d of %d tests failed", len(failing), ran), Detail: strings.Join(lines, "\n"), Class: "tests_failed",
		}
	case ran == 0:
		return &sdk.Failure{
			Summary: "No test ran",
			Detail:  "Nothing is known about the rules. Tests are rules named test_… in files that end in _test.rego; does the filter match one?",
			Class:   "no_tests",
		}
	case r.lines.percent() < least:
		return &sdk.Failure{
			Summary: fmt.Sprintf("The tests reach %.1f %% of the rules, less than %g %%", r.lines.percent(), least), Detail: r.missed(), Class: "coverage_missed",
		}
	}
	return nil
}

// missed names the lines that no test reaches.
func (r *result) missed() string {
	var lines []string
	for _, f := range r.files {
		if len(f.missed) > 0 && len(lines) < maxNamed {
			lines = append(lines, fmt.Sprintf("%s: no test reaches line %s", f.name, ranges(f.missed)))
		}
	}
	return strings.Join(lines, "\n")
}

// print writes a run for people.
func (r *result) print(w io.Writer) {
	for _, c := range r.failing() {
		fmt.Fprintf(w, "%s: %s: %s\n", c.place(), c.whole(), c.message)
	}
	for _, f := range r.files {
		fmt.Fprintf(w, "%5.1f %%  %s", f.lines.percent(), f.name)
		if len(f.missed) > 0 {
			fmt.Fprintf(w, "  not reached: %s", ranges(f.missed))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "%d tests, %d failed; %.1f %% of %d lines of rules reached\n", len(r.cases), len(r.failing()), r.lines.percent(), r.lines.all)
}
