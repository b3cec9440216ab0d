package command

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stagegate/stagegate/plugins/test/junit"
	"github.com/stagegate/stagegate/plugins/test/produced"
	"github.com/stagegate/stagegate/plugins/test/program"
	"github.com/stagegate/stagegate/sdk"
	"github.com/stagegate/stagegate/sdk/process"
	"github.com/zclconf/go-cty/cty"
)

// Test runs the command and weighs its exit code and its reports.
func (Component) Test(ctx context.Context, req sdk.Request, out *sdk.Emitter) (sdk.Outputs, sdk.TestReport, error) {
	if !req.Config.Set("junit") {
		exit, err := program.Run(ctx, req, nil, out.Stdout(), out.Stderr())
		if err != nil {
			return nil, sdk.TestReport{}, err
		}
		return nil, sdk.TestReport{}, asError(program.Failed(exit))
	}
	return withReport(ctx, req, out)
}

// withReport is Test where the configuration asks for reports.
func withReport(ctx context.Context, req sdk.Request, out *sdk.Emitter) (_ sdk.Outputs, _ sdk.TestReport, err error) {
	files, err := produced.Begin(req.Attempt.WorkDir, req.Config.String("junit"))
	if err != nil {
		return nil, sdk.TestReport{}, unreadable(req, err)
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	exit, err := program.Run(ctx, req, nil, out.Stdout(), out.Stderr())
	if err != nil {
		return nil, sdk.TestReport{}, err
	}
	var report junit.Report
	readErr := read(ctx, files, &report)
	count := report.Count()
	outputs := sdk.Outputs{
		"passed":  cty.NumberIntVal(int64(count.Passed)),
		"failed":  cty.NumberIntVal(int64(count.Failed + count.Broken)),
		"skipped": cty.NumberIntVal(int64(count.Skipped)),
	}
	return outputs, sdk.TestReport{Cases: report.Cases}, verdict(req, exit, &report, readErr)
}

func read(ctx context.Context, files *produced.Watch, report *junit.Report) error {
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

// verdict is nil when the exit code and the reports both say that the tests
// passed. A report that is missing or cannot be read is no proof of anything.
func verdict(req sdk.Request, exit process.Exit, report *junit.Report, readErr error) error {
	ended := program.Failed(exit)
	count := report.Count()
	switch {
	case readErr != nil && ended != nil:
		ended.Detail += " There is no JUnit report either: " + readErr.Error() + "."
		return ended
	case readErr != nil:
		return unreadable(req, readErr)
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

func unreadable(req sdk.Request, err error) error {
	f := &sdk.Failure{
		Summary: "The JUnit report cannot be read", Class: "report_invalid", Cause: err,
		Detail: "Without it nothing says that the tests passed. Remove junit to go by the exit code alone.",
	}
	if errors.Is(err, produced.ErrNone) || errors.Is(err, produced.ErrStale) {
		f.Summary, f.Class = fmt.Sprintf("There is no JUnit report at %q", req.Config.String("junit")), "report_missing"
		f.Detail = "The path starts in the pipeline's folder, whatever dir says. " + f.Detail
	}
	return f
}

// asError keeps a nil *sdk.Failure from becoming an error that is not nil.
func asError(f *sdk.Failure) error {
	if f == nil {
		return nil
	}
	return f
}
