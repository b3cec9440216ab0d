package view

import (
	"fmt"
	"io"
	"strings"

	"github.com/stagegate/stagegate/core/diag"
	"github.com/stagegate/stagegate/core/explain"
)

// Explanation prints a decision: what was judged by what, each finding with what
// it rests on, and what was not found. It quotes no line of the pipeline: what a
// rule objects to may be a secret.
func Explanation(w io.Writer, e *explain.Explanation, width int, color bool) error {
	shown := harmless(*e)
	var b strings.Builder
	p := palette{color}
	explanationHead(&b, &shown, p)
	options := diag.Options{Color: color, Width: width}
	var list diag.List
	for _, f := range shown.Violations {
		list = append(list, f.Diagnostic(diag.Error))
	}
	for _, f := range shown.Warnings {
		list = append(list, f.Diagnostic(diag.Warning))
	}
	for _, f := range shown.Waived {
		d := f.Diagnostic(diag.Warning)
		d.Summary = "waived " + d.Summary
		list = append(list, d)
	}
	for _, d := range list {
		b.WriteByte('\n')
		if err := diag.Render(&b, diag.List{d}, nil, options); err != nil {
			return err
		}
	}
	explanationFoot(&b, &shown, p)
	_, err := io.WriteString(w, b.String())
	return err
}

func explanationHead(b *strings.Builder, e *explain.Explanation, p palette) {
	about := "artifacts"
	if e.For != "" {
		about = "stage " + e.For
	}
	if e.Environment != "" {
		about += ", environment " + e.Environment
	}
	if e.At != "" && e.At != e.For {
		about += ", at " + e.At
	}
	fmt.Fprintf(b, "%s  %s\n", p.bold(e.Verdict), about)
	for _, line := range []struct{ name, value string }{
		{"plan", e.PlanDigest}, {"policies", strings.Join(e.Policies, ", ")}, {"input", e.Input}, {"outcome", e.Outcome},
	} {
		if line.value != "" {
			fmt.Fprintf(b, "  %-8s  %s\n", line.name, p.faint(line.value))
		}
	}
	switch {
	case e.InputWithheld != "":
		fmt.Fprintf(b, "  What was judged was not kept: %s.\n", e.InputWithheld)
	case e.Input == "":
		b.WriteString("  What was judged was not kept.\n")
	}
	if e.Error != "" {
		fmt.Fprintf(b, "\n  It could not be evaluated: %s\n", e.Error)
	}
}

func explanationFoot(b *strings.Builder, e *explain.Explanation, p palette) {
	if len(e.Refused) > 0 {
		b.WriteString("\nNot waived:\n")
		for _, text := range e.Refused {
			fmt.Fprintf(b, "  %s\n", firstLine(text))
		}
	}
	if n := len(e.Passed); n > 0 {
		fmt.Fprintf(b, "\n%s passed: %s\n", plural(n, "rule", "rules"), p.faint(strings.Join(e.Passed, ", ")))
	}
}
