// Package cases weighs the JUnit reports that a command has written, and how it
// ended: both must say that the tests passed.
package cases

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/junit"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/sdk"
	"github.com/zclconf/go-cty/cty"
)

// Read adds the reports that a command has written.
func Read(ctx context.Context, files *produced.Watch, report *junit.Report) error {
	names, err := files.Files()
	if err != nil {
		return err
	}
	for _, name := range names {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		f, err := files.Open(name)
		if err != nil {
			return err
		}
		if err := errors.Join(report.Read(f), f.Close()); err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
	return nil
}

// Outputs are the values of Counts.
func Outputs(report *junit.Report) sdk.Outputs {
	count := report.Count()
	return sdk.Outputs{
		"passed":  cty.NumberIntVal(int64(count.Passed)),
		"failed":  cty.NumberIntVal(int64(count.Failed + count.Broken)),
		"skipped": cty.NumberIntVal(int64(count.Skipped)),
	}
}

// Counts are the outputs of the schema.
func Counts() []sdk.Attribute {
	return []sdk.Attribute{
		{Name: "passed", Type: cty.Number, Description: "Number of cases that passed; null without `junit`."},
		{Name: "failed", Type: cty.Number, Description: "Number of cases that failed or broke; null without `junit`."},
		{Name: "skipped", Type: cty.Number, Description: "Number of cases that were skipped; null without `junit`."},
	}
}

// Verdict is nil when the exit code and the reports both say that the tests
// passed. A report that is missing or cannot be read is no proof of anything.
// Ended is how the command failed, or nil.
func Verdict(where Place, ended *sdk.Failure, report *junit.Report, readErr error) error {
	count := report.Count()
	switch {
	case readErr != nil && ended != nil:
		ended.Detail += " There is no JUnit report either: " + readErr.Error() + "."
		return ended
	case readErr != nil:
		return Unreadable(where, readErr)
	case count.Failed+count.Broken > 0:
		return failing(report, count, ended)
	case ended != nil:
		ended.Summary += fmt.Sprintf(", although all %d cases of the JUnit report passed or were skipped", len(report.Cases))
		ended.Detail = "Something outside of the tests failed, for example a fixture or the coverage. " + ended.Detail
		return ended
	case len(report.Cases) == 0:
		return &sdk.Failure{
			Summary: "The JUnit report holds no test case",
			Detail:  "The command ended well, but no test ran, which proves nothing. Does its filter still match a test?",
			Class:   "no_tests",
		}
	}
	return nil
}

func failing(report *junit.Report, count junit.Counts, ended *sdk.Failure) error {
	f := &sdk.Failure{
		Summary: fmt.Sprintf("%d of %d test cases failed", count.Failed+count.Broken, len(report.Cases)),
		Detail:  listFailing(report),
		Class:   "tests_failed",
	}
	if ended != nil {
		f.ExitCode = ended.ExitCode
	} else {
		f.Summary += " in the JUnit report, although the command ended with exit code 0"
	}
	return f
}

// listFailing names the first few; the report has them all.
func listFailing(report *junit.Report) string {
	const most = 10
	var b strings.Builder
	more := 0
	for _, c := range report.Cases {
		if c.Verdict != sdk.CaseFailed && c.Verdict != sdk.CaseBroken {
			continue
		}
		if strings.Count(b.String(), "\n") == most {
			more++
			continue
		}
		first, _, _ := strings.Cut(c.Message, "\n")
		b.WriteString(strings.TrimSuffix(strings.TrimPrefix(c.Suite+" "+c.Name, " ")+": "+first, ": ") + "\n")
	}
	if more > 0 {
		fmt.Fprintf(&b, "and %d more\n", more)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// Place is where the reports are looked for, and what its path starts from.
type Place struct{ Pattern, Start string }

// Unreadable says why there is no report.
func Unreadable(where Place, err error) error {
	f := &sdk.Failure{
		Summary: "The JUnit report cannot be read", Class: "report_invalid", Cause: err,
		Detail: "Without it nothing says that the tests passed. Remove junit to go by the exit code alone.",
	}
	if errors.Is(err, produced.ErrNone) || errors.Is(err, produced.ErrStale) {
		f.Summary, f.Class = fmt.Sprintf("There is no JUnit report at %q", where.Pattern), "report_missing"
		f.Detail = "The path starts in " + where.Start + ", whatever dir says. " + f.Detail
	}
	return f
}
