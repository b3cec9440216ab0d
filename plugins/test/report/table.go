package report

import (
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/stagegate/stagegate/plugins/test/judge"
)

// Table is checks for a terminal, with the reasons of those that did not pass
// below it. Columns that nothing stands in are left out.
func Table(checks []judge.Check) string {
	if len(checks) == 0 {
		return ""
	}
	compared := level(checks)
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	head := []string{"METRIC", "VALUE", "THRESHOLD"}
	if compared != "" {
		head = append(head, "BASELINE", "DELTA ["+compared+" CI]")
	}
	fmt.Fprintln(w, strings.Join(append(head, "VERDICT"), "\t"))
	for _, c := range checks {
		row := []string{NameOf(c), valueOf(c), asked(c)}
		if compared != "" {
			baseline := ""
			if c.Comparison != nil {
				baseline = short(c.Comparison.Baseline)
			}
			row = append(row, baseline, difference(c))
		}
		fmt.Fprintln(w, strings.Join(append(row, word(c.Verdict)), "\t"))
	}
	_ = w.Flush() // a Builder takes everything
	for _, c := range checks {
		if spoken := c.Kind == judge.Bound && c.Value != nil && c.Verdict == judge.Fail; c.Reason != "" && !spoken {
			fmt.Fprintf(&b, "%s: %s: %s\n", word(c.Verdict), NameOf(c), c.Reason)
		}
	}
	return b.String()
}

func word(v judge.Verdict) string { return strings.ReplaceAll(string(v), "_", " ") }

// NotPassed are the checks that a person should look at.
func NotPassed(checks []judge.Check) []judge.Check {
	var found []judge.Check
	for _, c := range checks {
		if c.Verdict != judge.Pass && c.Verdict != judge.NotJudged {
			found = append(found, c)
		}
	}
	return found
}
